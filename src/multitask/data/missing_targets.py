"""Targets of a task that data lack: none is known."""

from __future__ import annotations

from torch import Tensor

from multitask.data.base import DataModule
from multitask.geometry import Unchanged
from multitask.labels import missing_like


def add_missing(data: DataModule, task: str, like: Tensor) -> None:
    """Let data have a task, of which no sample has a label in the splits that lack it.

    Args:
        data: loaded.
        task: the task's name.
        like: targets that give the type and the shape, first axis ``[batch]``.
    """
    for samples in data.splits.values():
        if task not in samples.targets:
            # One missing target stands for all, which takes no memory.
            one = missing_like(like[:1])
            samples.targets[task] = one.expand(len(samples), *one.shape[1:])
            if task not in data.geometry:
                data.given_geometry[task] = Unchanged()
