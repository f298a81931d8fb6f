"""What makes two samples akin: the same image, or the same group."""

from __future__ import annotations

from itertools import count
from typing import Any

import numpy as np
import torch

from multitask.after.adapting.new_task import NewTask
from multitask.data import DataModule
from multitask.data.dataset import BatchDataset
from multitask.data.duplicates import input_hashes
from multitask.pages.words import counted

Numbers = np.ndarray[Any, np.dtype[Any]]
"""Shape ``[samples]``."""


def image_numbers(samples: BatchDataset) -> Numbers:
    """A number for each sample's image, or all its inputs if there is no image.

    Args:
        samples: a split of some data.
    """
    has_image = "image" in samples.inputs(torch.tensor([0]))
    return input_hashes(samples, images_only=has_image, as_bytes=True)


def group_numbers(data: DataModule, *splits: str) -> list[Numbers] | None:
    """A number for each sample's group, the same for the same group in all splits.

    Args:
        data: loaded.
        splits: names of splits.

    Returns:
        By split, a sample without a group having a number of its own; None if there are no groups.
    """
    found = [data.groups(each) for each in splits]
    numbers: dict[Any, int] = {}
    # A sample without a group is alone.
    alone = count(-1, -1)

    def number(group: Any) -> int:
        is_missing = group is None or group == "" or group != group
        return next(alone) if is_missing else numbers.setdefault(group, len(numbers))

    known = [each[1] for each in found if each is not None]
    if len(known) < len(found):
        return None
    return [np.array([number(group) for group in groups], np.int64) for groups in known]


def told_of_kin(number: int, new: NewTask, split: str, has_groups: bool) -> str:
    """Say how many samples are not drawn; empty if all are.

    Args:
        number: of them.
        new: the task and its data.
        split: the query set's.
        has_groups: whether groups count.
    """
    if not number:
        return ""
    groups = new.data.groups(split) if has_groups else None
    also = f" or a {groups[0]}" if groups else ""
    shares = "shares" if number == 1 else "share"
    return (
        f"{counted(number, 'labelled training sample')} {shares} an image{also} with the query "
        f"set, and {'is' if number == 1 else 'are'} not drawn."
    )
