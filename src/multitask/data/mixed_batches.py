"""Batches with a fixed proportion of samples from each of several sources."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fractions import Fraction
from itertools import accumulate, pairwise
from math import gcd, lcm

import torch
from torch import Tensor

from multitask.data.sampling import GlobalBatches, in_rounds, order_generator

GOLDEN, NEAR = 0.618034, 32


class MixedBatches(GlobalBatches):
    """Global batches with a fixed number of samples from each source.

    If a source's share of a batch is not a whole number, it is rounded down in some batches and up
    in others, alternately and across epochs, so that the proportions are exact. An epoch has the
    number of batches that all samples fill; the samples of a source that is too small for its share
    are repeated.

    Args:
        sizes: number of samples of each source; the sources' rows are concatenated.
        ratios: positive weights of the sources in a batch; only their proportions matter.
        batch_size: number of samples in a global batch.
        seed: seed of the sampling order.
        rank: index of this process.
        world_size: number of processes.
    """

    def __init__(
        self,
        sizes: Sequence[int],
        ratios: Sequence[float],
        batch_size: int,
        seed: int,
        rank: int = 0,
        world_size: int = 1,
    ) -> None:
        super().__init__(sum(sizes), batch_size, seed, True, rank, world_size)
        starts = accumulate(sizes, initial=0)
        self._rows = [torch.arange(*ends) for ends in pairwise(starts)]
        # In integers, so that no rounding errors accumulate over any number of batches.
        exact = [Fraction(str(ratio)) for ratio in ratios]
        scale = lcm(*(each.denominator for each in exact))
        weights = [int(each * scale) for each in exact]
        self._whole = sum(weights) // gcd(*weights)
        parts = [divmod(batch_size * each // gcd(*weights), self._whole) for each in weights]
        self._at_least = [quotient for quotient, _ in parts]
        self._rests = list(accumulate((rest for _, rest in parts), initial=0))
        self._step = _spreading_step(self._whole)

    def counts(self, batch: int) -> list[int]:
        """Return the number of samples of each source in a global batch.

        Args:
            batch: index among all batches of all epochs.
        """
        # The fractional parts lie side by side on a line; those hit by one of several equidistant
        # points are rounded up, and the points move with each batch.
        point = batch * self._step % self._whole
        marks = [(rest - point) // self._whole for rest in self._rests]
        extra = [after - before for before, after in pairwise(marks)]
        return [least + more for least, more in zip(self._at_least, extra, strict=True)]

    def global_batches(self, epoch: int) -> list[Tensor]:
        generator = order_generator(self.seed, epoch)
        first = epoch * len(self)
        counts = torch.tensor([self.counts(first + batch) for batch in range(len(self))])
        columns = zip(self._rows, counts.T.tolist(), strict=True)
        drawn = [in_rounds(rows, sum(each), generator).split(each) for rows, each in columns]
        # Shuffled, so that every process gets samples of each source.
        orders = (torch.randperm(self.batch_size, generator=generator) for _ in range(len(self)))
        batches = map(torch.cat, zip(*drawn, strict=True))
        return [batch[order] for batch, order in zip(batches, orders, strict=True)]


def _spreading_step(points: int) -> int:
    """Find a step that visits all points of a circle once, evenly spread at any time.

    The smaller the quotients of the step's continued fraction, the more evenly the points visited
    so far are spread; near the golden ratio the quotients are small.
    """
    golden = round(GOLDEN * points)
    steps = range(max(1, golden - NEAR), min(points, golden + NEAR) + 1)
    coprime = [step for step in steps if gcd(step, points) == 1]
    return min(coprime, key=lambda step: max(_quotients(step, points)))


def _quotients(step: int, points: int) -> Iterator[int]:
    while step:
        yield points // step
        points, step = step, points % step
