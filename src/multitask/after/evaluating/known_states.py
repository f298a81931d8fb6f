"""The states that each sample contributes to this package's metrics, for a batch at a time."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from scipy.sparse import csr_array
from torch import Tensor
from torchmetrics import MeanAbsoluteError, MeanSquaredError, Metric
from torchmetrics.classification import MulticlassAccuracy, MulticlassF1Score

from multitask import missing_labels
from multitask.tasks import Angle, Classification, MultiLabel, Regression, Task
from multitask.tasks.angular_error import AngularError, MeanCosine, WithinDegrees
from multitask.tasks.auroc import HistogramAUROC
from multitask.tasks.balanced_accuracy import BalancedAccuracy
from multitask.tasks.calibration_error import CalibrationError
from multitask.tasks.deviance import PoissonD2
from multitask.tasks.label_metrics import ExactMatch, LabelAUROC, LabelAveragePrecision, LabelF1
from multitask.tasks.loss_d2 import LossD2
from multitask.tasks.order import ClassDistance, QuadraticKappa
from multitask.tasks.r2 import R2
from multitask.tasks.sample_means import BrierScore, EntryMean, EntryShare, NegativeLogLikelihood

if TYPE_CHECKING:
    from multitask.after.evaluating.sample_states import State

Cells = tuple[Tensor, Tensor, Tensor]
"""Values of a state: the sample of each, its index in the flat state, and its value."""
Found = dict[str, list[Cells]]
"""Values by the name of the state."""


def known_states(
    task: Task,
    metrics: Mapping[str, Metric],
    layout: Sequence[State],
    width: int,
    output: Any,
    target: Tensor,
) -> csr_array | None:
    """The states of each sample, if the task updates its metrics as the package's own do.

    Args:
        task: the task.
        metrics: its metrics.
        layout: their states.
        width: number of columns.
        output: raw head outputs.
        target: targets of the batch, which may be missing.

    Returns:
        Shape ``[batch, width]``; None if it is unknown how the task or a metric is updated.
    """
    counts = type(task).update_metrics
    kinds: dict[Any, Any]
    given: tuple[Any, ...]
    if counts is Task.update_metrics and isinstance(task, Classification | Angle):
        kinds, given = OF_CLASSES, _of_classes(task, output, target)
    elif counts is Task.update_metrics and isinstance(task, MultiLabel):
        kinds, given = OF_LABELS, (task.predict(output), target)
    elif counts is Regression.update_metrics:
        kinds, given = OF_NUMBERS, _of_numbers(task, output, target)  # type: ignore[arg-type]
    else:
        return None
    names = {each.metric for each in layout}
    if any(type(metrics[name]) not in kinds for name in names):
        return None
    found = {name: kinds[type(metrics[name])](metrics[name], *given) for name in names}
    parts: list[Cells] = []
    for state in layout:
        for samples, places, values in found[state.metric].get(state.name, []):
            parts.append((samples, places + state.columns.start, values.double()))
    rows, columns, numbers = (torch.cat(each).cpu().numpy() for each in zip(*parts, strict=True))
    return csr_array((numbers, (rows, columns)), shape=(len(target), width), dtype=np.float64)


def _of_classes(task: Task, output: Tensor, target: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    known = task.known(target)
    return known.nonzero().flatten(), task.predict(output)[known], target[known]


def _accuracy(metric: Any, rows: Tensor, preds: Tensor, target: Tensor) -> Found:
    right = preds.argmax(1) == target
    zero = torch.zeros_like(rows)
    return {
        "tp": [(rows, zero, right)],
        "fp": [(rows, zero, ~right)],
        "fn": [(rows, zero, ~right)],
    }


def _f1(metric: Any, rows: Tensor, preds: Tensor, target: Tensor) -> Found:
    found = preds.argmax(1)
    right = found == target
    return {
        "tp": [(rows, target, right)],
        "fp": [(rows, found, ~right)],
        "fn": [(rows, target, ~right)],
    }


def _balanced(metric: Any, rows: Tensor, preds: Tensor, target: Tensor) -> Found:
    return {
        "right": [(rows, target, preds.argmax(1) == target)],
        "total": [(rows, target, torch.ones_like(rows))],
    }


def _auroc(metric: Any, rows: Tensor, preds: Tensor, target: Tensor) -> Found:
    classes = torch.arange(metric.num_classes, device=preds.device)
    truth = (target[:, None] == classes).long()
    width = metric.counts.shape[2]
    cells = (truth * metric.num_classes + classes) * width + metric._places(preds)
    each = rows[:, None].expand_as(cells).flatten()
    return {"counts": [(each, cells.flatten(), torch.ones_like(each))]}


def _calibration(metric: Any, rows: Tensor, preds: Tensor, target: Tensor) -> Found:
    confidence, found = preds.max(1)
    place = (confidence * metric.bins).long().clamp_max(metric.bins - 1)
    return {
        "count": [(rows, place, torch.ones_like(rows))],
        "confidence": [(rows, place, confidence)],
        "correct": [(rows, place, found == target)],
    }


def _kappa(metric: Any, rows: Tensor, preds: Tensor, target: Tensor) -> Found:
    zero = torch.zeros_like(rows)
    return {name: [(rows, zero, each)] for name, each in metric.each(preds, target).items()}


def _mean(metric: Any, rows: Tensor, preds: Tensor, target: Tensor) -> Found:
    each, zero = metric.each(preds, target), torch.zeros_like(rows)
    return {"total": [(rows, zero, each)], "count": [(rows, zero, torch.ones_like(rows))]}


def _labels(metric: Any, preds: Tensor, target: Tensor) -> Found:
    places, rows = metric.entries(preds, target)
    return {"counts": [(rows, places, torch.ones_like(rows))]}


def _exact(metric: Any, preds: Tensor, target: Tensor) -> Found:
    right, labelled = metric.matches(preds, target)
    return {"right": _one(right), "total": _one(labelled)}


def _of_numbers(
    task: Regression, output: Tensor, target: Tensor
) -> tuple[Tensor, Tensor, Tensor, dict[str, Tensor]]:
    entries = task.entries(output, target)
    target = target.reshape(len(target), task.size)
    known = missing_labels.known(target)
    # As in `Regression.count_in`: relative to the training mean.
    prediction, target = ((each - task.trivial).float() for each in (task.predict(output), target))
    error = torch.where(known, prediction - target, 0).double()
    return known, error, torch.where(known, target, 0).double(), entries


def _entry(
    metric: Any, known: Tensor, error: Tensor, target: Tensor, entries: dict[str, Tensor]
) -> Found:
    values = torch.where(known, entries[metric.entry], 0).double()
    return {"total": _one(values.sum(1)), "count": _one(known.sum(1))}


def _mae(metric: Any, known: Tensor, error: Tensor, target: Tensor, _: Any) -> Found:
    return {"sum_abs_error": _one(error.abs().sum(1)), "total": _one(known.sum(1))}


def _mse(metric: Any, known: Tensor, error: Tensor, target: Tensor, _: Any) -> Found:
    return {"sum_squared_error": _one(error.square().sum(1)), "total": _one(known.sum(1))}


def _r2(metric: Any, known: Tensor, error: Tensor, target: Tensor, _: Any) -> Found:
    states = {"count": known, "residual": error.square(), "total": target}
    states["squares"] = target.square()
    return {name: _all(values) for name, values in states.items()}


def _d2(
    metric: Any, known: Tensor, error: Tensor, target: Tensor, entries: dict[str, Tensor]
) -> Found:
    return {name: _all(entries[name].float().double()) for name in metric._defaults}


def _loss_d2(
    metric: Any, known: Tensor, error: Tensor, target: Tensor, entries: dict[str, Tensor]
) -> Found:
    losses = torch.where(known.unsqueeze(2), entries["d2"], 0).double()
    return {"residual": _all(losses[:, :, 0]), "reference": _all(losses[:, :, 1])}


def _one(values: Tensor) -> list[Cells]:
    return _all(values[:, None])


def _all(values: Tensor) -> list[Cells]:
    rows, columns = (torch.arange(size, device=values.device) for size in values.shape)
    each = rows[:, None].expand_as(values), columns.expand_as(values), values
    return [tuple(part.flatten() for part in each)]  # type: ignore[list-item]


Count = Callable[..., Found]
OF_CLASSES: dict[type[Metric], Count] = {
    MulticlassAccuracy: _accuracy,
    MulticlassF1Score: _f1,
    BalancedAccuracy: _balanced,
    HistogramAUROC: _auroc,
    CalibrationError: _calibration,
    NegativeLogLikelihood: _mean,
    BrierScore: _mean,
    ClassDistance: _mean,
    AngularError: _mean,
    MeanCosine: _mean,
    WithinDegrees: _mean,
    QuadraticKappa: _kappa,
}
OF_LABELS: dict[type[Metric], Count] = {
    LabelAveragePrecision: _labels,
    LabelAUROC: _labels,
    LabelF1: _labels,
    ExactMatch: _exact,
}
OF_NUMBERS: dict[type[Metric], Count] = {
    MeanAbsoluteError: _mae,
    MeanSquaredError: _mse,
    R2: _r2,
    PoissonD2: _d2,
    LossD2: _loss_d2,
    EntryMean: _entry,
    EntryShare: _entry,
}
