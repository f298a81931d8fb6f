"""How often predicted classes are correct, compared with their predicted probability."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
from matplotlib.figure import Figure
from torch import Tensor

from multitask import missing_labels

BINS = 15
COLOURS = ("tab:red", "tab:blue")
Values = np.ndarray


class Reliability(NamedTuple):
    """Values of the bins that contain a sample, shape ``[bins]``."""

    confidence: Values
    """Mean probability of the predicted class."""
    accuracy: Values
    """Fraction of correct predictions."""
    share: Values
    """Fraction of the samples."""

    @property
    def error(self) -> float:
        """The expected calibration error, see `multitask.tasks.calibration_error`."""
        return float((self.share * np.abs(self.accuracy - self.confidence)).sum())


def reliability_of(probability: Tensor, target: Tensor, bins: int = BINS) -> Reliability:
    """Sort samples into bins of equal width by the probability of the predicted class.

    Args:
        probability: shape ``[samples, classes]``.
        target: classes, ``[samples]``, int64, which may be missing.
        bins: number of bins.
    """
    known = missing_labels.known(target)
    confidence, chosen = (each.cpu().numpy() for each in probability[known].max(1))
    right = chosen == target[known].cpu().numpy()
    place = np.minimum((confidence * np.float32(bins)).astype(int), bins - 1)
    count = np.bincount(place, minlength=bins)
    has = count > 0
    means = [
        np.bincount(place, weights=each, minlength=bins)[has] / count[has]
        for each in (confidence, right)
    ]
    return Reliability(means[0], means[1], count[has] / max(len(place), 1))


def draw_reliability(name: str, found: Mapping[str, Reliability]) -> Figure:
    """Draw a reliability diagram (Guo et al., 2017, arXiv 1706.04599, figure 1).

    Args:
        name: name of the task.
        found: values by description, such as ``before`` and ``after``, at most two.
    """
    figure = Figure(figsize=(4.5, 4.8), layout="constrained")
    axes, shares = figure.subplots(2, 1, sharex=True, height_ratios=(4, 1))
    axes.plot([0, 1], [0, 1], color="black", lw=0.8, ls=":")
    for (what, each), colour in zip(found.items(), COLOURS[-len(found) :], strict=True):
        words = f"{what} (ECE {each.error:.3f})".strip()
        axes.plot(each.confidence, each.accuracy, marker="o", ms=4, color=colour, label=words)
        shares.bar(each.confidence, 100 * each.share, 0.02, color=colour, alpha=0.6)
    axes.set(xlim=(0, 1.02), ylim=(0, 1.02), ylabel="accuracy")
    below = {"fontsize": 7, "ha": "center", "color": "0.4"}
    axes.text(0.3, 0.93, "above the line: under-confident", **below)
    axes.text(0.7, 0.04, "below the line: over-confident", **below)
    axes.legend(fontsize=8, loc="center left", frameon=False)
    shares.set(ylabel="samples (%)", xlabel="probability of the chosen class")
    axes.set_title(name, fontsize=9, parse_math=False)
    return figure
