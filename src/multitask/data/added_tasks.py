"""Targets of a task that data lack, all of which are missing."""

from __future__ import annotations

from torch import Tensor

from multitask.data.base import DataModule
from multitask.geometry import Unchanged
from multitask.missing_labels import missing_like


def add_missing(data: DataModule, task: str, like: Tensor) -> None:
    """Add a task to the splits that lack it, with all labels missing.

    Args:
        data: data that are loaded.
        task: the task's name.
        like: targets that define the dtype and the shape, first axis ``[batch]``.
    """
    for samples in data.splits.values():
        if task not in samples.targets:
            # One missing target is expanded to all samples, which needs no memory.
            one = missing_like(like[:1])
            samples.targets[task] = one.expand(len(samples), *one.shape[1:])
            if task not in data.geometry:
                data.given_geometry[task] = Unchanged()
