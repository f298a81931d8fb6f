"""Which samples have the same inputs, by what they hold rather than by their names."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import blake2b

import numpy as np
import torch

from multitask.data.dataset import BatchDataset

CHUNK = 256
"""Samples that are in memory at a time."""
DIGEST_BYTES = 8

Hashes = np.ndarray[tuple[int], np.dtype[np.uint64]]


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


def input_hashes(split: BatchDataset) -> Hashes:
    """A number for each sample, the same for the same inputs, and else hardly ever.

    Args:
        split: whose inputs are read, a few hundred samples at a time.

    Returns:
        Shape ``[samples]``, uint64.
    """
    hashes = np.empty(len(split), dtype=np.uint64)
    for first in range(0, len(split), CHUNK):
        places = torch.arange(first, min(first + CHUNK, len(split)))
        inputs = [np.ascontiguousarray(each.numpy()) for each in split.inputs(places).values()]
        shapes = str([each.shape[1:] for each in inputs]).encode()
        for place, values in enumerate(zip(*inputs, strict=True), first):
            digest = blake2b(shapes, digest_size=DIGEST_BYTES)
            for each in values:
                digest.update(each.data)
            hashes[place] = int.from_bytes(digest.digest(), "little")
    return hashes


def duplicates(splits: Mapping[str, BatchDataset]) -> list[Duplicates]:
    """Find the samples whose inputs are there more than once, within a split or in several.

    Args:
        splits: by name.

    Returns:
        First those that are in several splits, which make results look better than they are; of
        them, and of the others, those with most samples first.
    """
    hashes = np.concatenate([input_hashes(each) for each in splits.values()])
    names = list(splits)
    starts = np.cumsum([0, *(len(each) for each in splits.values())])
    order = np.argsort(hashes, kind="stable")
    ordered = hashes[order]
    edges = np.flatnonzero(np.r_[True, ordered[1:] != ordered[:-1], True])
    groups = []
    # By their first sample, since hashes are in no order that means anything.
    for first in sorted(np.flatnonzero(np.diff(edges) > 1), key=lambda at: order[edges[at]]):
        places = np.sort(order[edges[first] : edges[first + 1]])
        at = np.searchsorted(starts, places, side="right") - 1
        pairs = zip(at.tolist(), (places - starts[at]).tolist(), strict=True)
        groups.append(Duplicates([(names[split], place) for split, place in pairs]))
    return sorted(groups, key=lambda each: (len(each.splits) == 1, -len(each.samples)))
