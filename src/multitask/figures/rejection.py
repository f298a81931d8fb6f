"""Quality of predictions after rejecting the least certain ones."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import torch
from matplotlib.figure import Figure
from torch import Tensor

from multitask import missing_labels
from multitask.tasks import Classification, Regression, Task

FEWEST = 10
"""Fewest samples for which a mean is drawn."""
POINTS = 200
COLOURS = ("tab:red", "tab:blue")


class Rejection(NamedTuple):
    """The curve of a task, shape ``[points]``, from few samples to all."""

    kept: np.ndarray
    """Fraction of samples kept, the most certain ones first."""
    quality: np.ndarray
    """Accuracy or mean absolute error of the kept samples."""
    words: str
    """Name of the quality."""


def rejection_of(
    task: Task, prediction: Tensor, uncertainty: Mapping[str, Tensor], target: Tensor
) -> Rejection | None:
    """Sort samples by certainty, and compute the quality of those kept.

    Classifications are sorted by the probability of the predicted class. Numbers are sorted by the
    standard deviation, or otherwise by the width of the interval. For vectors, this is the mean
    over elements, each relative to the spread of its targets.

    Args:
        task: the task.
        prediction: the result of `Task.predict`, ``[samples, classes]`` or ``[samples, size]``.
        uncertainty: the result of `Task.uncertainty`.
        target: targets, which may be missing.

    Returns:
        The curve, or None if the task does not measure certainty or has fewer than 10 samples.
    """
    known = missing_labels.known_samples(target)
    if isinstance(task, Classification) and prediction.ndim == 2:
        certainty, chosen = prediction[known].max(1)
        return _curve(certainty, (chosen == target[known]).double(), "accuracy")
    if not isinstance(task, Regression) or prediction.ndim != 2:
        return None
    rows = target.reshape(len(target), task.size)
    width = _width(uncertainty)
    if width is None or width.shape != prediction.shape or width.shape != rows.shape:
        return None
    # Values that are not standardised, such as the sides of a box, share one unit.
    is_scaled = task.scale != "none"
    width = (width / task.deviation.to(width.device) if is_scaled else width).mean(1)
    # Average over all known numbers, like the task's MAE: samples with more of them count more.
    error = (prediction - rows).abs().where(missing_labels.known(rows), 0).double().sum(1)
    return _curve(
        -width[known], error[known], f"MAE{_unit(task)}", missing_labels.known(rows)[known].sum(1)
    )


def draw_rejection(name: str, found: Mapping[str, Rejection]) -> Figure:
    """Draw the quality of the kept samples against the fraction kept.

    Args:
        name: name of the task.
        found: curves by description, such as ``before`` and ``after``, at most two.
    """
    figure = Figure(figsize=(4.5, 3.6), layout="constrained")
    axes = figure.subplots()
    for (what, each), colour in zip(found.items(), COLOURS[-len(found) :], strict=True):
        axes.plot(100 * each.kept, each.quality, color=colour, label=what, lw=1.2)
        axes.axhline(each.quality[-1], color="black", lw=0.8, ls=":")
        axes.set(ylabel=each.words)
    if any(found):
        axes.legend(fontsize=8, frameon=False)
    axes.set(xlabel="most certain samples that are kept (%)", xlim=(0, 102))
    axes.set_title(name, fontsize=9, parse_math=False)
    return figure


def _width(uncertainty: Mapping[str, Tensor]) -> Tensor | None:
    if "deviation" in uncertainty:
        return uncertainty["deviation"]
    if "low" in uncertainty and "high" in uncertainty:
        return uncertainty["high"] - uncertainty["low"]
    return None


def _curve(
    certainty: Tensor, quality: Tensor, words: str, count: Tensor | None = None
) -> Rejection | None:
    if len(certainty) < FEWEST or not certainty.max() > certainty.min():
        return None
    order = certainty.argsort(descending=True, stable=True).cpu()
    counts = torch.ones(len(order)) if count is None else count.cpu()[order]
    means = (quality.cpu()[order].cumsum(0) / counts.double().cumsum(0)).numpy()
    kept = np.arange(1, len(means) + 1) / len(means)
    chosen = np.unique(np.linspace(FEWEST - 1, len(means) - 1, POINTS).round().astype(int))
    return Rejection(kept[chosen], means[chosen], words)


def _unit(task: Regression) -> str:
    return f" ({task.unit.strip()})" if task.unit.strip() else ""
