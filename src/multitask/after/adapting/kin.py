"""What makes two samples akin: the same image, or the same group."""

from __future__ import annotations

from typing import Any

import numpy as np

from multitask.after.adapting.new_task import NewTask
from multitask.data import DataModule
from multitask.data.dataset import BatchDataset
from multitask.data.duplicates import input_hashes, remembered_input
from multitask.data.group_numbers import group_numbers as numbered
from multitask.pages.words import counted

Numbers = np.ndarray[Any, np.dtype[Any]]
"""Shape ``[samples]``."""


def image_numbers(samples: BatchDataset) -> Numbers:
    """A number for each sample's image, or text if there is no image, or else all its inputs.

    Args:
        samples: a split of some data.
    """
    return input_hashes(samples, only=remembered_input(samples), as_bytes=True)


def group_numbers(data: DataModule, *splits: str) -> list[Numbers] | None:
    """A number for each sample's group, the same for the same group in all splits.

    Args:
        data: loaded.
        splits: names of splits.

    Returns:
        By split, a sample without a group having a number of its own; None if there are no groups.
    """
    found = [data.groups(each) for each in splits]
    known = [each[1] for each in found if each is not None]
    if len(known) < len(found):
        return None
    return [np.array(each, np.int64) for each in numbered(known)]


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
    what = "an image" if remembered_input(new.data.splits[split]) == "image" else "an input"
    return (
        f"{counted(number, 'labelled training sample')} {shares} {what}{also} with the query "
        f"set, and {'is' if number == 1 else 'are'} not drawn."
    )
