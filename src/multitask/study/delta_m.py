"""What Delta-m over several metrics of each task is made of."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from multitask.errors import InputError, nearest


@dataclass(frozen=True)
class DeltaM:
    """Delta-m over several metrics of each task, beside that over the compared metrics.

    By default as in the tables of CAGrad (Liu et al., 2021, arXiv 2110.14048), Nash-MTL (Navon et
    al., 2022, arXiv 2202.01017) and FAMO (Liu et al., 2023, arXiv 2306.03792): the mean over all
    metrics of all tasks of the change in percent, in which lower is better. LibMTL prints the mean
    over tasks of the mean over their metrics, in which higher is better.

    Args:
        metrics: by task, its metrics.
        average: ``metrics``, the mean over all of them together, or ``tasks``, over each task's own
            first.
        better: whether ``lower`` or ``higher`` values are better.
        base: by task, the numbers that the metrics are compared with, in their order; default: the
            single-task networks of the same seed.
    """

    metrics: dict[str, list[str]]
    average: Literal["metrics", "tasks"] = "metrics"
    better: Literal["lower", "higher"] = "lower"
    base: dict[str, list[float]] = field(default_factory=dict)

    def check(self, tasks: Sequence[str], baselines: bool) -> None:
        """Refuse what cannot be computed.

        Args:
            tasks: of the study.
            baselines: whether every task is trained alone.

        Raises:
            InputError: naming the setting.
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
            changes: for each task, percent that are positive if they are for the better, shape
                ``[metrics, seeds]``.

        Returns:
            Shape ``[seeds]``; NaN if any change is.
        """
        if self.average == "tasks":
            changes = [each.mean(0, keepdims=True) for each in changes]
        found = np.concatenate(list(changes)).mean(0)
        return -found if self.better == "lower" else found
