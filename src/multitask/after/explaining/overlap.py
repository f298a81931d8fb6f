"""Whether two tasks look at the same places."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations

import torch
from torch import Tensor


@dataclass(frozen=True)
class Overlap:
    """How much of what counts two tasks have in common.

    Args:
        first: a task.
        second: another one.
        same: mean over the images, from 0 (no place in common) to 1 (the same map).
        shuffled: the same of the first task's map of an image and the second's of another image,
            which tells what is due to where things are in all images; NaN of a single image.
        images: how many images have both maps.
    """

    first: str
    second: str
    same: float
    shuffled: float
    images: int


def overlap(first: Tensor, second: Tensor) -> Tensor:
    """What two maps have in common: the sum of the smaller of each pixel's shares.

    Args:
        first: maps, ``[images, height, width]``; a pixel's share is that of absolute values.
        second: as many maps, or one of them against all: shapes broadcast.

    Returns:
        ``[images]``, from 0 to 1; NaN where a map is 0 everywhere.
    """
    return torch.minimum(_shares(first), _shares(second)).sum((-2, -1))


def overlaps(maps: dict[str, Tensor]) -> list[Overlap]:
    """Compare each two tasks.

    Args:
        maps: by task, ``[images, height, width]``.
    """
    found = []
    for one, two in combinations(maps, 2):
        every = overlap(maps[one][:, None], maps[two][None])
        same = every.diagonal()
        others = every[~torch.eye(len(every), dtype=torch.bool)]
        count = int(same.isfinite().sum())
        found.append(Overlap(one, two, float(same.nanmean()), float(others.nanmean()), count))
    return found


def _shares(maps: Tensor) -> Tensor:
    size = maps.abs().double()
    return size / size.sum((-2, -1), keepdim=True)
