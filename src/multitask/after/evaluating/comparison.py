"""Two trained models on the same samples, compared draw by draw."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import nan

import numpy as np
import torch

from multitask.after.evaluating.bootstrap import interval, p_value
from multitask.after.evaluating.evaluation import Results
from multitask.after.evaluating.sample_states import LOSS
from multitask.after.labelled_samples import LabelledSamples
from multitask.data.duplicates import input_hashes
from multitask.data.targets import as_tasks_see
from multitask.errors import InputError
from multitask.study.statistics import holm


@dataclass(frozen=True)
class Change:
    """A metric of a model compared with that of another model.

    Args:
        task: name of the task.
        metric: name of the metric.
        value: value for the model.
        other: value for the other model.
        low: lower end of the interval of the difference, NaN if there is none.
        high: upper end of the interval.
        p_value: p-value for the headline metric, otherwise NaN.
        adjusted: p-value adjusted over the tasks by Holm's method.
        why: the reason why there is no interval.
    """

    task: str
    metric: str
    value: float
    other: float
    low: float = nan
    high: float = nan
    p_value: float = nan
    adjusted: float = nan
    why: str = ""

    @property
    def difference(self) -> float:
        """The model's value minus the other model's."""
        return self.value - self.other


def check_same(one: LabelledSamples, two: LabelledSamples) -> list[str]:
    """Reject a comparison of models on different samples.

    Args:
        one: samples that a model is evaluated on.
        two: samples that the other model is evaluated on.

    Returns:
        The tasks that both models have.

    Raises:
        InputError: with the difference between the samples.
    """
    if len(one) != len(two) or one.names != two.names or one.numbers != two.numbers:
        raise InputError(
            "the two checkpoints cannot be compared: they would be evaluated on different "
            f"samples, {len(one):,} of {one.title} and {len(two):,} of {two.title}; give a table "
            "from which both can use the same rows"
        )
    if one.names is None and not np.array_equal(input_hashes(one.split), input_hashes(two.split)):
        raise InputError(
            "the two checkpoints cannot be compared: their runs have different samples; give a "
            "table"
        )
    both = [name for name in one.tasks if name in two.tasks]
    if not both:
        raise InputError(
            f"the two checkpoints have no task in common: {', '.join(one.tasks)}, and "
            f"{', '.join(two.tasks)}"
        )
    for name in both:
        first, second = (_targets(each, name) for each in (one, two))
        if first.shape != second.shape or not torch.allclose(first, second, equal_nan=True):
            raise InputError(
                f"the two checkpoints cannot be compared: their targets of '{name}' differ; both "
                "must have the same classes in the same order, and images of one size if targets "
                "follow them"
            )
    return both


def compare(results: Results, other: Results) -> list[Change]:
    """Compare two models, evaluated on the same samples with the same seed.

    Args:
        results: results of the model.
        other: results of the other model.

    Returns:
        A row for each metric that both have, with p-values for each task's headline metric.
    """
    found = [
        _change(results, other, task, metric)
        for task in results.tasks
        if task in other.tasks
        for metric in results.tasks[task].estimates
        if metric in other.tasks[task].estimates
    ]
    adjusted = holm([each.p_value for each in found])
    return [
        Change(**{**vars(each), "adjusted": float(value)})
        for each, value in zip(found, adjusted, strict=True)
    ]


def headline(results: Results, task: str) -> str:
    """The headline metric of a task."""
    named = results.named_tasks[task].headline
    return named if named in results.tasks[task].estimates else LOSS


def better(change: Change, higher_is_better: Mapping[str, bool | None]) -> bool:
    """Whether the model is better than the other model in a metric."""
    return (change.difference > 0) == higher_is_better[change.metric]


def _change(results: Results, other: Results, task: str, metric: str) -> Change:
    one, two = results.tasks[task], other.tasks[task]
    values = one.estimates[metric].value, two.estimates[metric].value
    draws = one.draws.get(metric), two.draws.get(metric)
    if draws[0] is None or draws[1] is None:
        return Change(task, metric, *values, why=one.estimates[metric].why)
    # With many classes, the number of draws depends on the predictions.
    both = min(map(len, draws))  # type: ignore[arg-type]
    differences = draws[0][:both] - draws[1][:both]
    ends = interval(differences, one.units)
    p = p_value(differences) if metric == headline(results, task) else nan
    if isinstance(ends, str):
        return Change(task, metric, *values, p_value=p, why=ends)
    return Change(task, metric, *values, *ends, p_value=p)


def _targets(samples: LabelledSamples, task: str) -> torch.Tensor:
    targets = samples.split.targets[task]
    whole = targets if isinstance(targets, torch.Tensor) else targets[torch.arange(len(samples))]
    return as_tasks_see(whole)
