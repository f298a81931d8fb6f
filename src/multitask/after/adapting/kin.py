"""Relations between samples: the same image, or the same group."""

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
    """A number for each sample's image, or for its text if it has no image, or for all its inputs.

    Args:
        samples: a split of some data.
    """
    return input_hashes(samples, only=remembered_input(samples), as_bytes=True)


def group_numbers(data: DataModule, *splits: str) -> list[Numbers] | None:
    """A number for each sample's group, equal for the same group in all splits.

    Args:
        data: the data, loaded.
        splits: names of the splits.

    Returns:
        Numbers by split, where a sample without a group has a unique number; None without groups.
    """
    found = [data.groups(each) for each in splits]
    known = [each[1] for each in found if each is not None]
    if len(known) < len(found):
        return None
    return [np.array(each, np.int64) for each in numbered(known)]


def told_of_kin(number: int, new: NewTask, split: str, has_groups: bool) -> str:
    """Describe how many samples are never drawn; empty if all can be.

    Args:
        number: number of these samples.
        new: the task and its data.
        split: split of the query set.
        has_groups: whether groups are taken into account.
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
