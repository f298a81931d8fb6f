"""The metrics of a trained model on labelled samples, with intervals."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field
from math import nan
from typing import Any

import numpy as np
import torch
from torch import Tensor

from multitask.after.evaluating.bootstrap import (
    MOST_WORK,
    RESAMPLES,
    Groups,
    by_group,
    interval,
    resampled,
)
from multitask.after.evaluating.sample_states import LOSS, SampleStates, Values
from multitask.after.labelled_samples import LabelledSamples
from multitask.after.trained_model import BATCH, IMAGE, TrainedModel
from multitask.data.duplicates import is_missing, remembered_input
from multitask.images.progress_line import Progress
from multitask.tasks import Task
from multitask.tasks.output import count_numbers, each_tensor, joined
from multitask.training.evaluation import Evaluation
from multitask.training.task_losses import TaskLosses

MOST_NUMBERS = 2**24
"""Most values of predictions and targets to keep for figures and tables."""


@dataclass(frozen=True)
class Estimate:
    """A metric with its interval over other samples of the same kind.

    Args:
        value: value on all samples.
        low: lower end of the 95 % interval, NaN if there is none.
        high: upper end of the interval.
        why: the reason why there is no interval, in a few words; empty if there is one.
    """

    value: float
    low: float = nan
    high: float = nan
    why: str = ""


@dataclass
class TaskResults:
    """Results for one task.

    Args:
        estimates: estimates by metric, and of the ``loss``.
        trivial: metrics of the predictor that uses no input.
        higher_is_better: whether higher is better, by metric; None if neither direction is, as for
            a coverage.
        labelled: number of samples with a label.
        units: number of groups with a label; without groups, that of samples.
        losses: loss of each sample, NaN without a label, ``[samples]``.
        predictions: predictions for the first samples, as many as are kept.
        targets: targets of the same samples.
        draws: value of each metric in each resample.
        uncertainty: uncertainty of the same predictions, see `multitask.tasks.Task.uncertainty`.
    """

    estimates: dict[str, Estimate]
    trivial: dict[str, float]
    higher_is_better: dict[str, bool | None]
    labelled: int
    units: int
    losses: Values
    predictions: Any = None
    targets: Any = None
    draws: dict[str, Values] = field(default_factory=dict)
    uncertainty: Mapping[str, Tensor] = field(default_factory=dict)


@dataclass
class Results:
    """Results of an evaluation.

    Args:
        trained: the model.
        samples: samples that it was evaluated on.
        tasks: results by task.
        score: see `multitask.training.evaluation.Evaluation.compute`.
        seen: whether each sample has the image or text of a training sample, ``[samples]``; None if
            unknown.
        contributions: contribution of each task to the score.
    """

    trained: TrainedModel
    samples: LabelledSamples
    tasks: dict[str, TaskResults]
    score: float
    seen: np.ndarray[Any, np.dtype[np.bool_]] | None
    contributions: dict[str, float]

    @property
    def named_tasks(self) -> dict[str, Task]:
        """The evaluated tasks, by name."""
        known = self.trained.model.named_tasks
        return {name: known[name] for name in self.tasks}

    def estimate(self, task: str, metric: str) -> Estimate:
        """A metric of a task."""
        return self.tasks[task].estimates[metric]


def evaluate(
    trained: TrainedModel,
    samples: LabelledSamples,
    resamples: int = RESAMPLES,
    seed: int = 0,
    batch_size: int = BATCH,
    work: str = "evaluation: predicted",
) -> Results:
    """Predict once for all samples, and compute metrics, intervals and losses.

    Args:
        trained: the model.
        samples: labelled samples.
        resamples: see `multitask.after.evaluating.bootstrap.resampled`.
        seed: seed of the resamples.
        batch_size: number of samples per batch.
        work: beginning of the progress messages.
    """
    counted = _counted(trained, samples, Progress(work, 0, len(samples)), batch_size)
    with warnings.catch_warnings():
        # The reason is stated beside each undefined metric.
        warnings.filterwarnings("ignore", message=".*is undefined for the known test labels.*")
        computed = counted.evaluation.compute()
    values = {name: float(each) for name, each in computed.items()}
    groups = None if samples.groups is None else samples.groups.numbers()
    tasks = {
        name: _of_task(name, counted, values, groups, resamples, seed) for name in counted.states
    }
    contributions = {name: float(each) for name, each in counted.evaluation.contributions.items()}
    seen = seen_in_training(trained, samples)
    return Results(trained, samples, tasks, values["test/score"], seen, contributions)


@dataclass
class _Counted:
    evaluation: Evaluation
    states: dict[str, SampleStates]
    outputs: dict[str, list[Any]]
    targets: dict[str, list[Tensor]]
    uncertainty: dict[str, list[Any]]


@torch.no_grad()
def _counted(
    trained: TrainedModel, samples: LabelledSamples, progress: Progress, batch_size: int
) -> _Counted:
    known = trained.model.named_tasks
    tasks = {name: known[name] for name in samples.tasks}
    evaluation = Evaluation("test", tasks).to(trained.device)
    losses = TaskLosses(tasks)
    found = _Counted(
        evaluation,
        {name: SampleStates(task) for name, task in tasks.items()},
        {name: [] for name in tasks},
        {name: [] for name in tasks},
        {name: [] for name in tasks},
    )
    kept = 0
    for places in torch.arange(len(samples)).split(batch_size):
        batch = {name: each.to(trained.device) for name, each in samples.batch(places).items()}
        outputs = trained.model(*trained.model.inputs_of(batch))
        evaluation.update(outputs, batch, losses(outputs, batch))
        for name, states in found.states.items():
            states.update(outputs[name], batch[name])
            if kept < MOST_NUMBERS:
                found.outputs[name].append(each_tensor(tasks[name].predict(outputs[name]), on_cpu))
                uncertainty = tasks[name].uncertainty(outputs[name])
                found.uncertainty[name].append(each_tensor(uncertainty, on_cpu))
                found.targets[name].append(on_cpu(batch[name]))
                kept += count_numbers(outputs[name]) + batch[name].numel()
        progress.step(len(places))
    return found


def on_cpu(values: Tensor) -> Tensor:
    """A copy that keeps nothing else in memory."""
    return values.detach().clone().cpu()


def _of_task(
    name: str,
    counted: _Counted,
    values: Mapping[str, float],
    groups: Groups | None,
    resamples: int,
    seed: int,
) -> TaskResults:
    states = counted.states[name]
    units = by_group(states, groups).shape[0]
    work = MOST_WORK / len(counted.states)
    draws = resampled(states, groups, resamples, seed, work)
    directions = {key.split("/")[2]: higher for key, higher in counted.evaluation.directions(name)}
    metrics = [*directions, LOSS]
    points = {metric: values.get(f"test/{name}/{metric}", nan) for metric in metrics}
    return TaskResults(
        {metric: _estimate(points[metric], metric, draws, states, units) for metric in metrics},
        {metric: values.get(f"trivial/{name}/{metric}", nan) for metric in metrics},
        {**directions, LOSS: False},
        int(states.known.sum()),
        units,
        states.losses,
        joined(counted.outputs[name]),
        joined(counted.targets[name]),
        draws,
        joined(counted.uncertainty[name]),  # type: ignore[arg-type]
    )


def _estimate(
    value: float, metric: str, draws: Mapping[str, Values], states: SampleStates, units: int
) -> Estimate:
    if not states.known.any():
        return Estimate(nan, why="no sample has a label")
    if value != value:
        return Estimate(nan, why="undefined for these labels, which are too few or all the same")
    if metric not in states.resampled:
        return Estimate(value, why="no interval, because it is not made of sums over samples")
    found = interval(draws.get(metric, np.zeros(0)), units)
    return Estimate(value, why=found) if isinstance(found, str) else Estimate(value, *found)


def seen_in_training(
    trained: TrainedModel, samples: LabelledSamples
) -> np.ndarray[Any, np.dtype[np.bool_]] | None:
    """Whether each sample has the image or text of a training sample; None if unknown."""
    known = trained.training_images
    hashes = None if known is None else samples.known_hashes()
    if known is None or hashes is None:
        return None
    seen = np.isin(hashes.view(np.int64), known.cpu().numpy())
    name = remembered_input(samples.split)
    if seen.any() and name is not None and name != IMAGE:
        # Two samples without a text count as equal.
        places = torch.from_numpy(np.flatnonzero(seen))
        seen[places[is_missing(samples.split.one_input(name, places))]] = False
    return seen
