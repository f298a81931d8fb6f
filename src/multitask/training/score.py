"""A task's contribution to the score, from the trivial predictor to a perfect one."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor
from torchmetrics import Metric, MetricCollection

from multitask.errors import InputError, nearest
from multitask.pages.words import listed
from multitask.tasks import Task

BELOW = 0.001
"""Maximum reduction of the score by a task that is worse than its trivial predictor."""


def contribution(value: Tensor, trivial: float | None, higher_is_better: bool) -> Tensor:
    """Place a metric between the trivial predictor's value (0) and a perfect one (1).

    A value worse than the trivial predictor's contributes almost nothing, from 0 down to -0.001:
    however bad it is, it cannot outweigh the other tasks. A better value of this kind still
    contributes more, so that the score can choose between epochs in which all tasks are that bad.

    Args:
        value: the metric, a scalar; perfect is 1 if higher is better, else 0.
        trivial: the trivial predictor's value; below 0 it counts as 0 if higher is better. If it is
            perfect itself, or None, it is replaced by 0 if higher is better, else by 1.
        higher_is_better: whether higher values are better.

    Returns:
        A scalar from -0.001 to 1; NaN if the value is NaN.
    """
    span = 1.0
    if trivial is not None:
        span = 1 - max(trivial, 0.0) if higher_is_better else trivial
    distance = (1 - value.float() if higher_is_better else value.float()) / (span or 1.0)
    return (1 - distance).where(distance <= 1, BELOW * (1 / distance - 1))


def known_trivial(metric: Metric) -> float | None:
    """The value of the trivial predictor on any data; None if it depends on the data."""
    return getattr(metric, "trivial", None)


def counting(tasks: Mapping[str, Task]) -> dict[str, str]:
    """The headline metric of each task that counts in the score.

    Args:
        tasks: the tasks by name.
    """
    return {name: task.headline for name, task in tasks.items() if task.counts and task.headline}


def check_headlines(tasks: Mapping[str, Task], metrics: Mapping[str, MetricCollection]) -> None:
    """Reject a headline that cannot be used for its task, or a score in which no task counts.

    A class may inherit a headline but not its metric: it does not enter the score.

    Args:
        tasks: the tasks by name.
        metrics: the metrics of each task.

    Raises:
        InputError: names the task and its metrics.
    """
    for name, task in tasks.items():
        if "headline" in vars(task) or task.headline in metrics[name]:
            _check_headline(name, task, metrics[name])
    if not any(task.counts for task in tasks.values()):
        raise InputError(
            f"counts is false for {listed(tasks)}, so no task is left for val/score to "
            "choose the best epoch by; let one of them count"
        )


def _check_headline(name: str, task: Task, metrics: MetricCollection) -> None:
    known = [str(each) for each in metrics]
    if task.headline not in known:
        raise InputError(
            f"task '{name}': its headline is '{task.headline}', which is not one of its metrics"
            f"{nearest(str(task.headline), known)}"
        )
    metric = metrics[task.headline]
    if metric.higher_is_better is None:
        raise InputError(
            f"task '{name}': its headline is '{task.headline}', which does not declare whether "
            "higher is better (higher_is_better), so no epoch can be chosen by it"
        )
    has_trivial = type(task).trivial_output is not Task.trivial_output
    if task.counts and not metric.higher_is_better and not has_trivial:
        raise InputError(
            f"task '{name}': its headline '{task.headline}' is better when lower, and without "
            "trivial_output it is unknown how large it is for a predictor that has learnt nothing; "
            "choose another headline, or set counts to false"
        )
