"""Pools of samples to draw from, at most one per group."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor


class Pool:
    """Samples of one class, or for which one column is known.

    Args:
        rows: indices of the samples in a split, shape ``[samples]``, int64.
        groups: groups of all samples of the split, such as the patient that an image shows; None if
            all samples are independent.
    """

    def __init__(self, rows: Tensor, groups: Sequence[Any] | None = None) -> None:
        own = rows.tolist() if groups is None else [groups[row] for row in rows.tolist()]
        number: dict[Any, int] = {}
        places = torch.tensor([number.setdefault(each, len(number)) for each in own]).long()
        self._rows = rows[places.argsort(stable=True)]
        self._counts = torch.bincount(places, minlength=len(number))
        self._starts = self._counts.cumsum(0) - self._counts

    def __len__(self) -> int:
        """Number of groups, which is the largest number of samples that can be drawn."""
        return len(self._counts)

    def draw(self, count: int, generator: torch.Generator) -> Tensor:
        """Draw samples of different groups, where all groups are equally likely.

        Args:
            count: number of samples, at most `len`.
            generator: random number generator.

        Returns:
            Indices of the samples in the split, shape ``[count]``, int64.
        """
        chosen = torch.randperm(len(self), generator=generator)[:count]
        # In double precision, which can reach every one of a few million samples.
        drawn = torch.rand(count, generator=generator, dtype=torch.float64)
        return self._rows[self._starts[chosen] + (drawn * self._counts[chosen]).long()]
