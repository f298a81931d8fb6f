"""Checks that loaded splits fit loaders and tasks."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

import torch
from torch import Tensor

from multitask.data.dataset import BatchDataset
from multitask.errors import InputError
from multitask.pages.words import listed

SPLITS = ("train", "val", "test")
META = "meta"
"""Samples held out of training for learning how to train, such as the tasks' weights."""
ALL_SPLITS = (*SPLITS, META)
SPLIT_NAMES = {"train": "training", "val": "validation", "test": "test", META: "meta"}


def check_splits(
    splits: Mapping[str, Any],
    data: str,
    without: Collection[str] = (),
    absent: Collection[str] = (),
) -> None:
    """Refuse splits that are missing, empty or of the wrong kind.

    Args:
        splits: the splits that a data set loaded.
        data: name of the data set, for the message.
        without: the setting of that name.
        absent: the splits that the settings omit, by ``without`` or otherwise.

    Raises:
        InputError: naming the split, and the task if the error is about targets.
    """
    for split in ALL_SPLITS:
        if split in splits and split in without:
            raise InputError(
                f"data.init_args.without names '{split}', but {data} has a {SPLIT_NAMES[split]} "
                "set; remove it from without, or its samples from the data"
            )
        if split not in splits and (split == META or split in absent):
            continue
        if split not in splits:
            may_lack = f", or declare that there is none with data.init_args.without=[{split}]"
            raise InputError(
                f"{data}.load() returns no split '{split}', only {listed(splits) or 'none'}; "
                f"return {', '.join(SPLITS)}{'' if split == 'train' else may_lack}"
            )
        samples = splits[split]
        if not isinstance(samples, BatchDataset):
            raise InputError(
                f"{data}.load() returns a {type(samples).__name__} as split '{split}'; return a "
                "multitask.data.dataset.BatchDataset, such as InMemory(images, targets)"
            )
        if len(samples) == 0:
            raise InputError(f"{data}.load() returns an empty split '{split}'")
        inputs = samples.inputs(torch.tensor([0]))
        for task, targets in samples.targets.items():
            _check_targets(task, targets, len(samples), f"{data}.load(), split '{split}'")
            if task in inputs:
                raise InputError(
                    f"{data}.load(), split '{split}': '{task}' is an input and a target, but each "
                    "entry of a batch needs a unique name; rename one of them"
                )


def _check_targets(task: str, targets: Any, size: int, where: str) -> None:
    found = _first_twice(targets)
    if found is None:
        raise InputError(
            f"{where}: the targets of '{task}' are a {type(targets).__name__}; give a tensor, such "
            "as from torch.as_tensor, or an object that reads tensors by batch, such as "
            "multitask.data.stored_maps.StoredMaps"
        )
    if found.ndim == 0 or len(targets) != size:
        count = len(targets) if found.ndim else "no axis of"
        raise InputError(f"{where}: '{task}' has {count} targets, but there are {size} samples")


def _first_twice(targets: Any) -> Tensor | None:
    """Return the first sample's target twice, as in a batch; None if these are not targets."""
    if isinstance(targets, Tensor):
        return targets
    try:
        found = targets[torch.tensor([0, 0])]
    except (TypeError, ValueError, KeyError, IndexError):
        return None
    return found if isinstance(found, Tensor) and len(found) == 2 else None
