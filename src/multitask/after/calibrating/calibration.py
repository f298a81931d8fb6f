"""Fitting of each task's calibration to labelled samples, and its evaluation on others."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor

from multitask import missing_labels
from multitask.after.calibrating.outputs import Pair, raw_outputs
from multitask.after.evaluating.evaluation import seen_in_training
from multitask.after.labelled_samples import LabelledSamples
from multitask.after.trained_model import TrainedModel
from multitask.errors import InputError
from multitask.pages.words import listed
from multitask.tasks import Classification, MultiLabel, Task
from multitask.tasks.calibration_error import CalibrationError
from multitask.tasks.output import rows_of
from multitask.tasks.pixels import pixels_of
from multitask.tasks.sample_means import BrierScore, NegativeLogLikelihood

OF_REGRESSION = ("nll", "coverage", "interval_width")


@dataclass(frozen=True)
class Predicted:
    """A task's predictions for the evaluation samples.

    Args:
        prediction: the result of `Task.predict`; for maps of classes, one row per pixel.
        target: targets of the same rows, which may be missing.
        uncertainty: the result of `Task.uncertainty`.
        metrics: metrics by name.
    """

    prediction: Tensor
    target: Tensor
    uncertainty: Mapping[str, Tensor]
    metrics: Mapping[str, float]


@dataclass(frozen=True)
class CalibratedTask:
    """The calibration of one task.

    Args:
        told: its calibration, see `Task.fit_calibration`.
        task: the task.
        fitted: number of labels that it was fitted to; for maps, number of pixels.
        shown: number of labels of the evaluation samples.
        before: predictions without the calibration.
        after: predictions with it.
    """

    told: Mapping[str, Any]
    task: Task
    fitted: int
    shown: int
    before: Predicted
    after: Predicted


@dataclass
class Calibration:
    """Results of a calibration.

    Args:
        trained: the model.
        tasks: tasks that now have a calibration, by name.
        left: names of tasks that are left unchanged.
        fit: samples that it was fitted to.
        show: evaluation samples; None if there are none.
        remarks: remarks on the samples for the user.
    """

    trained: TrainedModel
    tasks: dict[str, CalibratedTask]
    left: list[str]
    fit: LabelledSamples
    show: LabelledSamples | None
    remarks: list[str] = field(default_factory=list)


def calibrate(
    trained: TrainedModel,
    fit: LabelledSamples,
    show: LabelledSamples | None,
    level: float,
    tasks: Sequence[str] = (),
) -> Calibration:
    """Fit the calibration of each task.

    Args:
        trained: the model, whose existing calibration is discarded.
        fit: samples to fit it to; those that were trained on are ignored.
        show: samples to evaluate it on.
        level: coverage level of the intervals.
        tasks: names of the tasks to calibrate; default: all.

    Raises:
        InputError: if a task has no label, its labels do not determine the calibration, or no
            samples remain to fit it to.
    """
    known = trained.model.named_tasks
    names = list(tasks or known)
    for name in names:
        if name not in fit.tasks:
            raise _without_labels(fit, name)
    places, remarks = _places(trained, fit)
    found = Calibration(trained, {}, [], fit, show, remarks)
    pairs = raw_outputs(trained, fit, places, names)
    told = {name: _fitted(name, known[name], *pairs[name], fit, level) for name in names}
    found.left = [name for name, each in told.items() if each is None]
    done = [name for name, each in told.items() if each is not None]
    if not done:
        raise InputError(f"calibrate: none of {listed(names)} is of a kind that can be calibrated")
    if show is None:
        shown = {name: pairs[name] for name in done}
    else:
        have = [name for name in done if name in show.tasks]
        shown = raw_outputs(trained, show, torch.arange(len(show)), have)
    for name in done:
        # A task without a label there is not evaluated.
        pair = shown.get(name, (rows_of(pairs[name][0], slice(0)), pairs[name][1][:0]))
        count = int(missing_labels.known(pairs[name][1]).sum())
        found.tasks[name] = _calibrated(known[name], told[name] or {}, pair, count)
    return found


def _places(trained: TrainedModel, fit: LabelledSamples) -> tuple[Tensor, list[str]]:
    """The samples that were not trained on, and a remark on the others."""
    seen = seen_in_training(trained, fit)
    if seen is None:
        return torch.arange(len(fit)), [
            "It is not known whether samples were trained on: the checkpoint does not record it."
        ]
    places = torch.from_numpy(np.flatnonzero(~seen))
    if not len(places):
        raise InputError(
            f"calibrate: every sample of {fit.in_sentence} was trained on, and on those a network "
            "is over-confident; give labelled samples that were not, with --table=TABLE"
        )
    some = f"{int(seen.sum()):,} of the {len(seen):,} samples of {fit.in_sentence} were trained on"
    return places, [f"{some} and are excluded from the fit."] if seen.any() else []


def _without_labels(fit: LabelledSamples, name: str) -> InputError:
    return InputError(
        f"calibrate: {fit.in_sentence} has no label of '{name}'; give labelled samples with "
        "--table=TABLE, or only the other tasks with --tasks=..."
    )


def _fitted(
    name: str, task: Task, output: Any, target: Tensor, fit: LabelledSamples, level: float
) -> dict[str, Any] | None:
    if not missing_labels.known(target).any():
        raise _without_labels(fit, name)
    plain = copy.deepcopy(task).cpu()
    plain.take_calibration(None)
    try:
        return plain.fit_calibration(output, target, level)
    except InputError as error:
        raise InputError(f"calibrate: '{name}' on {fit.in_sentence}: {error}") from error


def _calibrated(task: Task, told: Mapping[str, Any], pair: Pair, fitted: int) -> CalibratedTask:
    several = []
    for each in (None, told):
        changed = copy.deepcopy(task).cpu()
        changed.take_calibration(each)
        several.append(_predicted(changed, *pair))
    shown = int(missing_labels.known(pair[1]).sum())
    return CalibratedTask(told, changed, fitted, shown, *several)


def _predicted(task: Task, output: Any, target: Tensor) -> Predicted:
    prediction, uncertainty = task.predict(output), task.uncertainty(output)
    if isinstance(task, Classification):
        if prediction.ndim > 2:
            prediction, target = pixels_of(prediction), target.flatten()
        return Predicted(prediction, target, uncertainty, _of_classes(prediction, target))
    if isinstance(task, MultiLabel):
        return Predicted(
            prediction, target, uncertainty, _of_classes(*task.answers(prediction, target))
        )
    metrics = task.metrics()
    task.update_metrics(metrics, output, target)
    own = {name: float(metrics[name].compute()) for name in OF_REGRESSION if name in metrics}
    return Predicted(
        prediction, target, uncertainty, own if missing_labels.known(target).any() else {}
    )


def _of_classes(probability: Tensor, target: Tensor) -> dict[str, float]:
    known = missing_labels.known(target)
    if not known.any():
        return {}
    kinds = {"nll": NegativeLogLikelihood(), "brier": BrierScore(), "ece": CalibrationError()}
    for metric in kinds.values():
        metric.update(probability[known], target[known])
    found = {name: float(metric.compute()) for name, metric in kinds.items()}
    highest, chosen = probability[known].max(1)
    right = (chosen == target[known]).double()
    return found | {"confidence": float(highest.double().mean()), "accuracy": float(right.mean())}
