"""Names of the metrics of attacked and corrupted images."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from multitask.callbacks.robust_evaluation import RobustEvaluation
from multitask.robustness.changes import CORRUPTED, ROBUST, change_name


def of_part(metric: str, part: str) -> str:
    """The name of a metric on changed images.

    Args:
        metric: the metric on the unchanged images, such as ``val/digit/accuracy``.
        part: the change, such as ``robust/inf-0.02`` or ``corrupted``.
    """
    split, rest = metric.split("/", 1)
    return f"{split}/{part}/{rest}"


def attacks_of(callbacks: Iterable[Any], in_each_epoch: bool = False) -> list[str]:
    """The parts of metric names that identify the attacks.

    Args:
        callbacks: the callbacks of a Trainer.
        in_each_epoch: whether to return only the attacks that each validation measures.

    Returns:
        Names such as ``robust/inf-0.02``.
    """
    return [
        change_name(attack)
        for each in callbacks
        if isinstance(each, RobustEvaluation) and not (in_each_epoch and each.every > 1)
        for attack in each.attacks
    ]


def parts_of(metrics: Iterable[str]) -> list[str]:
    """The attacks that the metrics cover, and ``corrupted`` if there are means.

    Args:
        metrics: names of metrics.
    """
    split = [name.split("/") for name in metrics]
    attacked = ["/".join(each[1:3]) for each in split if each[1:2] == [ROBUST] and len(each) > 3]
    # Metrics of a single kind and severity have a longer name.
    means = [CORRUPTED for each in split if each[1:2] == [CORRUPTED] and len(each) == 4]
    return list(dict.fromkeys([*attacked, *means]))
