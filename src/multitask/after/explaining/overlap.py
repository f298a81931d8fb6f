"""Whether two tasks look at the same places."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations

import torch
from torch import Tensor

SHUFFLES = 2_000
TINY = 1e-12


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
        chance: how often images that are paired at random have as high a mean, from 0 to 1: the p
            value of a permutation test; NaN of a single image.
    """

    first: str
    second: str
    same: float
    shuffled: float
    images: int
    chance: float


def overlap(first: Tensor, second: Tensor) -> Tensor:
    """What two maps have in common: the sum of the smaller of each pixel's shares.

    Args:
        first: maps, ``[images, height, width]``; a pixel's share is that of absolute values.
        second: as many maps, or one of them against all: shapes broadcast.

    Returns:
        ``[images]``, from 0 to 1; NaN if a map is 0 everywhere.
    """
    return torch.minimum(_shares(first), _shares(second)).sum((-2, -1))


def overlaps(maps: dict[str, Tensor], seed: int = 0) -> list[Overlap]:
    """Compare each two tasks.

    Args:
        maps: by task, ``[images, height, width]``.
        seed: of the random pairs.
    """
    found = []
    for one, two in combinations(maps, 2):
        every = overlap(maps[one][:, None], maps[two][None])
        # What has a map of zeros, such as a black image, is in no pair.
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
