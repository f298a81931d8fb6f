"""Random partitions of samples."""

from __future__ import annotations

import torch
from torch import Tensor

from multitask.data.split_check import SPLITS
from multitask.errors import InputError
from multitask.missing_labels import missing_like


def random_split(size: int, val: int, test: int, seed: int, fewest: int = 1) -> dict[str, Tensor]:
    """Partition samples at random.

    Args:
        size: number of samples.
        val: number of validation samples.
        test: number of test samples.
        seed: the same seed gives the same partition.
        fewest: least number of validation samples and of test samples.

    Returns:
        The indices of ``train`` (the rest), ``val`` and ``test``, each int64.

    Raises:
        InputError: if no samples would be left for training.
    """
    if min(val, test) < fewest or val + test >= size:
        raise InputError(
            f"{val} validation and {test} test samples cannot be taken from {size}; each needs at "
            "least 1, and so does training"
        )
    order = torch.randperm(size, generator=torch.Generator().manual_seed(seed))
    parts = order.split([size - val - test, val, test])
    return dict(zip(SPLITS, parts, strict=True))


def hold_out(labels: Tensor, share: float, seed: int) -> tuple[Tensor, Tensor]:
    """Hold out a random fraction of the samples, equal for each class up to one sample.

    Args:
        labels: class indices, shape ``[samples]``, int64; missing labels count as a class.
        share: fraction to hold out, between 0 and 1.
        seed: the same seed holds out the same samples.

    Returns:
        The indices of the remaining and of the held-out samples, each int64 and ascending.

    Raises:
        InputError: if no samples would be held out, or none would remain.
    """
    size, count = len(labels), round(share * len(labels))
    if not 0 < count < size:
        raise InputError(
            f"a share of {share:g} of {size} training samples is {count}; at least 1 must be held "
            "out and 1 must remain"
        )
    order = torch.randperm(size, generator=torch.Generator().manual_seed(seed))
    by_class = order[labels[order].argsort(stable=True)]
    # `count` evenly spaced positions in the order of the classes.
    counted = torch.arange(size + 1) * count // size
    held_out = torch.zeros(size, dtype=torch.bool)
    held_out[by_class] = counted[1:] > counted[:-1]
    return (~held_out).nonzero().flatten(), held_out.nonzero().flatten()


def keep_labels_per_class(labels: Tensor, labels_per_class: int, seed: int) -> Tensor:
    """Keep a few labels of each class and mark the others as missing.

    Args:
        labels: class indices, shape ``[samples]``, int64.
        labels_per_class: number of labels to keep per class.
        seed: the same seed keeps the same labels.

    Returns:
        The labels, -100 if not kept.

    Raises:
        InputError: if a class has fewer samples.
    """
    generator = torch.Generator().manual_seed(seed)
    kept = missing_like(labels)
    for label in labels.unique():
        members = (labels == label).nonzero().flatten()
        if not 1 <= labels_per_class <= len(members):
            raise InputError(
                f"labels_per_class is {labels_per_class}, but class {int(label)} has "
                f"{len(members)} training samples; choose from 1 to {len(members)}"
            )
        order = torch.randperm(len(members), generator=generator)[:labels_per_class]
        kept[members[order]] = label
    return kept
