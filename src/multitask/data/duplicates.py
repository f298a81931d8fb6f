"""Which samples have the same inputs, by what they hold rather than by their names."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any

import numpy as np
import torch
from torch import Tensor

from multitask.data.dataset import BatchDataset
from multitask.tokenizers import is_text, text_mask

CHUNK = 256
"""Samples that are in memory at a time."""
DIGEST_BYTES = 8

Hashes = np.ndarray[tuple[int], np.dtype[np.uint64]]
Places = np.ndarray[Any, np.dtype[np.int64]]


@dataclass(frozen=True)
class Duplicates:
    """Samples with the same inputs.

    Args:
        samples: the split and the place in it of each, in the splits' order.
    """

    samples: list[tuple[str, int]]

    @property
    def splits(self) -> list[str]:
        """The splits that they are in."""
        return list(dict.fromkeys(split for split, _ in self.samples))


def input_hashes(
    split: BatchDataset,
    may_read: Callable[[], bool] = lambda: True,
    only: str | None = None,
    as_bytes: bool = False,
) -> Hashes:
    """A number for each sample, the same for the same inputs, and else hardly ever.

    Args:
        split: whose inputs are read, a few hundred samples at a time.
        may_read: asked before each time; the samples after the first no are left out.
        only: the one input that is meant, such as ``image``; all by default.
        as_bytes: take images that are floats from 0 to 1 as the bytes that a file would hold.

    Returns:
        Shape ``[samples]``, uint64.
    """
    hashes = np.empty(len(split), dtype=np.uint64)
    for first in range(0, len(split), CHUNK):
        if not may_read():
            return hashes[:first]
        places = torch.arange(first, min(first + CHUNK, len(split)))
        read = {only: split.one_input(only, places)} if only else split.inputs(places)
        if as_bytes and "image" in read:
            read["image"] = in_bytes(read["image"])
        inputs = [np.ascontiguousarray(_in_numpy(each)) for each in read.values()]
        shapes = str([each.shape[1:] for each in inputs]).encode()
        for place, values in enumerate(zip(*inputs, strict=True), first):
            digest = blake2b(shapes, digest_size=DIGEST_BYTES)
            for each in values:
                digest.update(each.data)
            hashes[place] = int.from_bytes(digest.digest(), "little")
    return hashes


def duplicates(
    splits: Mapping[str, BatchDataset],
    may_read: Callable[[], bool] = lambda: True,
    only: str | None = None,
) -> tuple[list[Duplicates], int]:
    """Find the samples whose inputs are there more than once, within a split or in several.

    Args:
        splits: by name.
        may_read: see `input_hashes`.
        only: see `input_hashes`.

    Returns:
        First those that are in several splits, which make results look better than they are; of
        them, and of the others, those with most samples first. And how many samples were read.
    """
    hashes = {name: input_hashes(each, may_read, only) for name, each in splits.items()}
    return same_inputs(hashes), sum(map(len, hashes.values()))


def same_inputs(hashes: Mapping[str, Hashes]) -> list[Duplicates]:
    """Group samples by their numbers: see `duplicates`.

    Args:
        hashes: by split, what `input_hashes` returned.
    """
    each_split = list(hashes.values())
    starts, names = np.cumsum([0, *map(len, each_split)]), list(hashes)
    found = equal_places(np.concatenate(each_split))
    groups = [Duplicates(_located(places, starts, names)) for places in found]
    return sorted(groups, key=lambda each: (len(each.splits) == 1, -len(each.samples)))


def equal_places(hashes: Hashes) -> list[Places]:
    """The places of equal numbers, ascending, by the first of them; of numbers that recur alone.

    Args:
        hashes: shape ``[samples]``.
    """
    order = np.argsort(hashes, kind="stable")
    ordered = hashes[order]
    edges = np.flatnonzero(np.r_[True, ordered[1:] != ordered[:-1], True])
    # By their first sample, since hashes are in no order that means anything.
    firsts = sorted(np.flatnonzero(np.diff(edges) > 1), key=lambda at: order[edges[at]])
    return [np.sort(order[edges[first] : edges[first + 1]]) for first in firsts]


def _located(places: Places, starts: Places, names: Sequence[str]) -> list[tuple[str, int]]:
    at = np.searchsorted(starts, places, side="right") - 1
    pairs = zip(at.tolist(), (places - starts[at]).tolist(), strict=True)
    return [(names[split], place) for split, place in pairs]


def is_missing(values: Tensor) -> Tensor:
    """Which samples lack an input: all of it is NaN, or a text of one word at most.

    Two samples that lack it, or say one word, have hardly the same input.

    Args:
        values: the input, first axis ``[batch]``.

    Returns:
        Shape ``[batch]``, bool.
    """
    if is_text(values):
        # Beside the beginning, a tokenizer may put a token of its own at the end.
        return text_mask(values).sum(1) <= 2
    flat = values.flatten(1)
    return flat.isnan().all(1) if values.is_floating_point() else torch.zeros(len(flat)).bool()


def remembered_input(split: BatchDataset) -> str | None:
    """The input by which samples are known again: the image, or else the only text.

    Args:
        split: of which the first sample is read.
    """
    inputs = split.inputs(torch.tensor([0]))
    texts = [name for name, values in inputs.items() if is_text(values)]
    return "image" if "image" in inputs else texts[0] if len(texts) == 1 else None


def in_bytes(images: Tensor) -> Tensor:
    """Floats from 0 to 1 as bytes, rounded; bytes as they are.

    Args:
        images: any shape, uint8 or floating.
    """
    if images.dtype == torch.uint8:
        return images
    return images.float().mul(255).round().clamp(0, 255).byte()


def _in_numpy(values: Tensor) -> np.ndarray[Any, Any]:
    # NumPy does not know all floats.
    return (values.view(torch.int16) if values.dtype == torch.bfloat16 else values).numpy()
