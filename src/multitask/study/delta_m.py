"""Settings of Delta-m over several metrics of each task."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from multitask.errors import InputError, nearest


@dataclass(frozen=True)
class DeltaM:
    """Delta-m over several metrics of each task, in addition to that over the compared metrics.

    The default follows the tables of CAGrad (Liu et al., 2021, arXiv 2110.14048), Nash-MTL (Navon
    et al., 2022, arXiv 2202.01017) and FAMO (Liu et al., 2023, arXiv 2306.03792): the mean change
    in percent over all metrics of all tasks, where lower is better. LibMTL prints the mean over
    tasks of the mean over their metrics, where higher is better.

    Args:
        metrics: the metrics of each task.
        average: ``metrics`` for the mean over all metrics together, or ``tasks`` for the mean over
            tasks of each task's mean.
        better: whether ``lower`` or ``higher`` values are better.
        base: reference values of the metrics for each task, in the same order; default: the
            single-task networks of the same seed.
    """

    metrics: dict[str, list[str]]
    average: Literal["metrics", "tasks"] = "metrics"
    better: Literal["lower", "higher"] = "lower"
    base: dict[str, list[float]] = field(default_factory=dict)

    def check(self, tasks: Sequence[str], baselines: bool) -> None:
        """Reject settings that cannot be computed.

        Args:
            tasks: the tasks of the study.
            baselines: whether every task is trained alone.

        Raises:
            InputError: with the setting.
        """
        if not self.metrics or not all(self.metrics.values()):
            raise InputError("delta_m: metrics is empty; name at least one metric of each task")
        for key in ("metrics", "base"):
            for task in getattr(self, key):
                if task not in tasks:
                    raise InputError(
                        f"delta_m: {key}: there is no task '{task}'{nearest(task, tasks)}"
                    )
        for task, metrics in self.metrics.items():
            if twice := [each for each in metrics if metrics.count(each) > 1]:
                raise InputError(f"delta_m: metrics: '{task}' has '{twice[0]}' twice; name it once")
        if not self.base:
            if not baselines:
                raise InputError(
                    "delta_m compares with the single-task networks, but baselines is false; set "
                    "it to true, or give delta_m.base"
                )
            return
        for task, metrics in self.metrics.items():
            numbers = self.base.get(task, [])
            if len(numbers) != len(metrics):
                raise InputError(
                    f"delta_m: base has {len(numbers)} numbers for '{task}', which has "
                    f"{len(metrics)} metrics; give one for each"
                )
            if not all(math.isfinite(each) and each != 0 for each in numbers):
                raise InputError(
                    f"delta_m: base of '{task}' is {numbers}; give finite numbers other than 0"
                )

    def mean(self, changes: Sequence[np.ndarray]) -> np.ndarray:
        """Delta-m of relative changes.

        Args:
            changes: for each task, changes in percent, positive for an improvement, shape
                ``[metrics, seeds]``.

        Returns:
            Shape ``[seeds]``; NaN if any change is NaN.
        """
        if self.average == "tasks":
            changes = [each.mean(0, keepdims=True) for each in changes]
        found = np.concatenate(list(changes)).mean(0)
        return -found if self.better == "lower" else found
