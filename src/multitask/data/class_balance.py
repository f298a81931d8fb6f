"""Batches in which all classes of a task occur equally often."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from multitask.data.mixed_batches import MixedBatches
from multitask.data.targets import Targets, example
from multitask.errors import InputError, nearest
from multitask.missing_labels import known, unpacked
from multitask.pages.words import listed

CHUNK = 1024
"""Number of targets that are read at a time to find their classes."""


class ClassBalanced(MixedBatches):
    """Global batches with the same number of samples of each class.

    An epoch has the number of batches that all samples fill: samples of a rare class are repeated,
    and some samples of a frequent class wait for a later epoch. Samples without a label of the task
    keep their proportion. If a class's share of a batch is not a whole number, see `MixedBatches`.

    Args:
        classes: class of each sample, negative if missing, shape ``[samples]``, int64.
        batch_size: number of samples in a global batch.
        seed: seed of the sampling order.
        rank: index of this process.
        world_size: number of processes.
    """

    def __init__(
        self, classes: Tensor, batch_size: int, seed: int, rank: int = 0, world_size: int = 1
    ) -> None:
        unlabelled = (~known(classes)).nonzero().flatten()
        found = classes[known(classes)].unique()
        pools = [(classes == each).nonzero().flatten() for each in found]
        # The labelled part is divided evenly among the classes.
        ratios = [len(classes) - len(unlabelled)] * len(pools)
        if len(unlabelled):
            pools.append(unlabelled)
            ratios.append(len(unlabelled) * len(found))
        sizes = [len(pool) for pool in pools]
        super().__init__(sizes, ratios, batch_size, seed, rank, world_size)
        self._rows = pools


def classes_of(targets: Mapping[str, Targets], task: str, samples: int) -> Tensor:
    """Read the class of each training sample.

    Args:
        targets: the training targets by task.
        task: the task by whose classes batches are balanced.
        samples: number of training samples.

    Returns:
        Shape ``[samples]``, int64, negative if missing.

    Raises:
        InputError: if there is no such task, or its targets are not one class per sample.
    """
    kinds = {name: _kind(example(each)) for name, each in targets.items()}
    if kinds.get(task, "") is not None:
        what = (
            f"its targets are {kinds[task]}"
            if task in kinds
            else "the data have no task with that name"
        )
        raise InputError(f"balanced_by is {task}; {what}{_cure(task, kinds)}")
    places = torch.arange(samples).split(CHUNK)
    found = unpacked(torch.cat([targets[task][each] for each in places]))
    if len(found[known(found)].unique()) < 2:
        raise InputError(
            f"balanced_by is {task}, but the training samples have labels of fewer than two "
            "classes; remove balanced_by"
        )
    return found


def _kind(target: Tensor) -> str | None:
    """Describe what a target of shape ``[1, ...]`` is; None if it is one class."""
    is_class = target.dtype in (torch.int64, torch.uint8)
    if target.ndim >= 3:
        return "maps"
    if target.ndim == 2:
        return f"{target.shape[1]} {'classes' if is_class else 'numbers'} for each sample"
    return None if is_class else "numbers"


def _cure(task: str, kinds: Mapping[str, str | None]) -> str:
    classes = sorted(name for name, kind in kinds.items() if kind is None)
    if not classes:
        return ", and no other task has one class for each sample; remove balanced_by"
    near, names = nearest(task, classes), listed(map(repr, classes), 12)
    return near if "mean" in near else f"; give a task with classes: {names}"
