"""Detection of samples with the same inputs, by content rather than by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any

import numpy as np
import torch
from torch import Tensor

from multitask.data.dataset import BatchDataset
from multitask.missing_labels import is_missing
from multitask.tokenizers import is_text, text_mask

CHUNK = 256
"""Number of samples that are held in memory at a time."""
DIGEST_BYTES = 8

Hashes = np.ndarray[tuple[int], np.dtype[np.uint64]]
Places = np.ndarray[Any, np.dtype[np.int64]]


@dataclass(frozen=True)
class Duplicates:
    """Samples with the same inputs.

    Args:
        samples: split and index of each sample, in the splits' order.
    """

    samples: list[tuple[str, int]]

    @property
    def splits(self) -> list[str]:
        """The splits that contain them."""
        return list(dict.fromkeys(split for split, _ in self.samples))


def input_hashes(
    split: BatchDataset,
    may_read: Callable[[], bool] = lambda: True,
    only: str | None = None,
    as_bytes: bool = False,
) -> Hashes:
    """Compute a hash for each sample that is equal for equal inputs.

    Args:
        split: split whose inputs are read, a few hundred samples at a time.
        may_read: called before each read; after it returns False, the remaining samples are
            skipped.
        only: name of the single input to hash, such as ``image``; default: all.
        as_bytes: convert floating images from 0 to 1 to the bytes that a file would hold.

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
    """Find samples whose inputs occur more than once, within a split or across splits.

    Args:
        splits: the splits by name.
        may_read: see `input_hashes`.
        only: see `input_hashes`.

    Returns:
        The duplicates, and the number of samples read. Duplicates across splits, which make results
        look better than they are, come first; within each kind, the largest groups come first.
    """
    hashes = {name: input_hashes(each, may_read, only) for name, each in splits.items()}
    return same_inputs(hashes), sum(map(len, hashes.values()))


def same_inputs(hashes: Mapping[str, Hashes]) -> list[Duplicates]:
    """Group samples by their hashes: see `duplicates`.

    Args:
        hashes: the results of `input_hashes` by split.
    """
    each_split = list(hashes.values())
    starts, names = np.cumsum([0, *map(len, each_split)]), list(hashes)
    found = equal_places(np.concatenate(each_split))
    groups = [Duplicates(_located(places, starts, names)) for places in found]
    return sorted(groups, key=lambda each: (len(each.splits) == 1, -len(each.samples)))


def equal_places(hashes: Hashes) -> list[Places]:
    """Find the indices of equal hashes, ascending, ordered by the first; unique ones are omitted.

    Args:
        hashes: shape ``[samples]``.
    """
    order = np.argsort(hashes, kind="stable")
    ordered = hashes[order]
    edges = np.flatnonzero(np.r_[True, ordered[1:] != ordered[:-1], True])
    # Ordered by the first sample, because the order of hashes has no meaning.
    firsts = sorted(np.flatnonzero(np.diff(edges) > 1), key=lambda at: order[edges[at]])
    return [np.sort(order[edges[first] : edges[first + 1]]) for first in firsts]


def _located(places: Places, starts: Places, names: Sequence[str]) -> list[tuple[str, int]]:
    at = np.searchsorted(starts, places, side="right") - 1
    pairs = zip(at.tolist(), (places - starts[at]).tolist(), strict=True)
    return [(names[split], place) for split, place in pairs]


def tells_little(values: Tensor) -> Tensor:
    """Return which samples lack an input, or have a text of at most one word.

    Equality of two such samples hardly means that they have the same input.

    Args:
        values: values of the input, first axis ``[batch]``.

    Returns:
        Shape ``[batch]``, bool.
    """
    # Besides the start token, a tokenizer may add a special token at the end.
    return text_mask(values).sum(1) <= 2 if is_text(values) else is_missing(values)


def remembered_input(split: BatchDataset) -> str | None:
    """Return the input that identifies samples: the image, or otherwise the only text.

    Args:
        split: split whose first sample is read.
    """
    inputs = split.inputs(torch.tensor([0]))
    texts = [name for name, values in inputs.items() if is_text(values)]
    return "image" if "image" in inputs else texts[0] if len(texts) == 1 else None


def in_bytes(images: Tensor) -> Tensor:
    """Convert floats from 0 to 1 to bytes, rounded; bytes are returned unchanged.

    Args:
        images: any shape, uint8 or floating.
    """
    if images.dtype == torch.uint8:
        return images
    return images.float().mul(255).round().clamp(0, 255).byte()


def _in_numpy(values: Tensor) -> np.ndarray[Any, Any]:
    # NumPy does not support all floating dtypes.
    return (values.view(torch.int16) if values.dtype == torch.bfloat16 else values).numpy()
