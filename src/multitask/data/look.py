"""Checks for common problems in loaded data of any kind."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import torch

from multitask.data.dataset import BatchDataset
from multitask.data.duplicates import Duplicates, Hashes, input_hashes, remembered_input
from multitask.data.leaks import leaks
from multitask.errors import InputError
from multitask.missing_labels import known
from multitask.pages.words import counted, listed
from multitask.remarks.pixels import are_from_0_to_1, image_remarks
from multitask.tokenizers import is_text

if TYPE_CHECKING:
    from multitask.data.base import DataModule

LOOKED_AT = 32
"""Number of images whose values are checked, evenly spaced in the training set."""
MOST_NAMED = 3
MOST_REMEMBERED = 2**21
"""Most training images whose numbers a checkpoint stores, 8 bytes each."""


class DataRemark(UserWarning):
    """A possible problem of the data that should be known before training."""


def check_kind(train: BatchDataset, where: str) -> None:
    """Refuse images that no encoder accepts.

    Args:
        train: the training samples.
        where: owner of the samples, for the message.

    Raises:
        InputError: naming what is expected.
    """
    first = train.inputs(torch.tensor([0])).get("image")
    if first is not None and first.dtype != torch.uint8 and not first.is_floating_point():
        raise InputError(
            f"{where}: the images are {first.dtype}; give bytes from 0 to 255 (torch.uint8), or "
            "floats from 0 to 1"
        )


def look(data: DataModule) -> Iterator[str]:
    """Check the images and texts of data that have just been loaded.

    Args:
        data: data whose splits are loaded; sets `DataModule.training_images`.

    Yields:
        A sentence with a remedy for each problem found.
    """
    yield from _classes_from_one(data)
    train = data.splits["train"]
    inputs = train.inputs(torch.tensor([0]))
    if "image" in inputs:
        count = min(LOOKED_AT, len(train))
        images = train.images(torch.linspace(0, len(train) - 1, count).long())
        yield from image_remarks(images)
        yield from _leaks(data, "image")
    for name, values in inputs.items():
        if is_text(values):
            yield from _leaks(data, name)


def _classes_from_one(data: DataModule) -> Iterator[str]:
    try:
        named = data.class_names()
    except InputError:
        # Sources that disagree are refused where all processes notice it.
        return
    for name in data.splits["train"].targets:
        found = [each.targets[name] for each in data.splits.values() if name in each.targets]
        tensors = [each for each in found if isinstance(each, torch.Tensor)]
        if name in named or len(tensors) < len(found):
            continue
        if any(each.dtype != torch.int64 or each.ndim != 1 for each in tensors):
            continue
        numbers = torch.cat([each[known(each)] for each in tensors])
        if len(numbers) and int(numbers.min()) == 1 and len(numbers.unique()) > 1:
            yield (
                f"the class numbers of '{name}' start at 1, so class 0 never occurs; if they "
                "are numbered from 1, subtract 1 from each"
            )


def _leaks(data: DataModule, name: str) -> Iterator[str]:
    found = leaks(data.splits, name)
    is_image = name == "image"
    if name == remembered_input(data.splits["train"]):
        data.training_images = _remembered(data.splits["train"], found.hashes["train"], is_image)
    if groups := found.groups:
        what = counted(len(groups), "image" if is_image else "text")
        tested = listed(
            f"{count:,} of the {len(data.splits[split]):,} {split} samples"
            for split, count in found.tested().items()
        )
        learnt = f", so {tested} are also in the training set" if tested else ""
        yield (
            f"{what} {'occurs' if len(groups) == 1 else 'occur'} in several splits, such as "
            f"{_example(data, groups[0])}{learnt}; results look better than they are: "
            f"{data.cure_of_leaks(groups, name)}"
        )
    if found.compared < found.samples:
        yield (
            f"to save time, only {found.compared:,} of {found.samples:,} samples were compared to "
            f"find {'images' if is_image else 'texts'} that are in two splits; `multitask "
            "inspect` compares all of them"
        )


def _remembered(train: BatchDataset, hashes: Hashes, is_image: bool) -> Hashes | None:
    """Return the numbers that identify training samples; None if not all samples were read."""
    if len(hashes) < len(train) or len(train) > MOST_REMEMBERED:
        return None
    if not is_image:
        return hashes
    first = train.images(torch.tensor([0]))
    if first.dtype == torch.uint8:
        return hashes
    return input_hashes(train, only="image", as_bytes=True) if are_from_0_to_1(first) else None


def _example(data: DataModule, group: Duplicates) -> str:
    each = []
    for split, place in group.samples[:MOST_NAMED]:
        names = data.names(split)
        each.append(f"{names[place] if names else f'sample {place}'} ({split})")
    return " = ".join(each)
