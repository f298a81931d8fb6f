"""Whether two tasks attend to the same places."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations

import torch
from torch import Tensor

SHUFFLES = 2_000
TINY = 1e-12


@dataclass(frozen=True)
class Overlap:
    """Overlap of two tasks' attributions.

    Args:
        first: a task.
        second: another task.
        same: mean overlap over the images, from 0 (no place in common) to 1 (the same map).
        shuffled: mean overlap of the first task's map of an image and the second's of another
            image, which shows the effect of the typical positions of objects; NaN for a single
            image.
        images: number of images that have both maps.
        chance: fraction of random pairings of images with at least as high a mean, from 0 to 1: the
            p-value of a permutation test; NaN for a single image.
    """

    first: str
    second: str
    same: float
    shuffled: float
    images: int
    chance: float


def overlap(first: Tensor, second: Tensor) -> Tensor:
    """The overlap of two maps: the sum over pixels of the smaller of the two shares.

    Args:
        first: maps, ``[images, height, width]``; a pixel's share is computed from absolute values.
        second: the same number of maps, or one map to compare with all: shapes broadcast.

    Returns:
        Overlap ``[images]``, from 0 to 1; NaN if a map is 0 everywhere.
    """
    return torch.minimum(_shares(first), _shares(second)).sum((-2, -1))


def overlaps(maps: dict[str, Tensor], seed: int = 0) -> list[Overlap]:
    """Compare each pair of tasks.

    Args:
        maps: maps by task, ``[images, height, width]``.
        seed: seed of the random pairs.
    """
    found = []
    for one, two in combinations(maps, 2):
        every = overlap(maps[one][:, None], maps[two][None])
        # Images with a map of zeros, such as black images, are in no pair.
        (usable,) = every.diagonal().isfinite().nonzero(as_tuple=True)
        every = every[usable][:, usable]
        count, same = len(every), float(every.diagonal().mean())
        others = every[~torch.eye(count, dtype=torch.bool)]
        chance = _chance(every, same, seed) if count > 1 else float("nan")
        found.append(Overlap(one, two, same, float(others.mean()), count, chance))
    return found


def _chance(every: Tensor, same: float, seed: int) -> float:
    generator = torch.Generator().manual_seed(seed)
    order = torch.rand(SHUFFLES, len(every), generator=generator).argsort(1)
    means = every[torch.arange(len(every)), order].mean(1)
    return (1 + int((means >= same - TINY).sum())) / (1 + SHUFFLES)


def _shares(maps: Tensor) -> Tensor:
    size = maps.abs().double()
    return size / size.sum((-2, -1), keepdim=True)
