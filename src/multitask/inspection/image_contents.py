"""Which images are the same, by what they hold rather than by their names."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import blake2b

import numpy as np
import torch

from multitask.data.dataset import BatchDataset

CHUNK = 256
"""Images that are in memory at a time."""
DIGEST_BYTES = 8

Hashes = np.ndarray[tuple[int], np.dtype[np.uint64]]


@dataclass(frozen=True)
class Duplicates:
    """Samples with the same image.

    Args:
        samples: the split and the place in it of each, in the splits' order.
    """

    samples: list[tuple[str, int]]

    @property
    def splits(self) -> list[str]:
        """The splits that they are in."""
        return list(dict.fromkeys(split for split, _ in self.samples))


def image_hashes(split: BatchDataset) -> Hashes:
    """A number for each image, the same for the same pixels, and else hardly ever.

    Args:
        split: whose images are read, a few hundred at a time.

    Returns:
        Shape ``[samples]``, uint64.
    """
    hashes = np.empty(len(split), dtype=np.uint64)
    for first in range(0, len(split), CHUNK):
        places = torch.arange(first, min(first + CHUNK, len(split)))
        images = np.ascontiguousarray(split.images(places).numpy())
        shape = str(images.shape[1:]).encode()
        for place, image in enumerate(images, first):
            digest = blake2b(image, digest_size=DIGEST_BYTES, person=shape[:16]).digest()
            hashes[place] = int.from_bytes(digest, "little")
    return hashes


def duplicates(splits: Mapping[str, BatchDataset]) -> list[Duplicates]:
    """Find the images that are there more than once, within a split or in several.

    Args:
        splits: by name.

    Returns:
        First those that are in several splits, which make results look better than they are; of
        them, and of the others, those with most samples first.
    """
    hashes = np.concatenate([image_hashes(each) for each in splits.values()])
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
