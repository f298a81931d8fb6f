"""Samples to draw from, no two of them of one group."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor


class Pool:
    """Samples of one class, or with one column known.

    Args:
        rows: their places in a split, shape ``[samples]``, int64.
        groups: of all samples of the split, such as the patient that an image shows; None if each
            sample stands for itself.
    """

    def __init__(self, rows: Tensor, groups: Sequence[Any] | None = None) -> None:
        own = rows.tolist() if groups is None else [groups[row] for row in rows.tolist()]
        number: dict[Any, int] = {}
        places = torch.tensor([number.setdefault(each, len(number)) for each in own]).long()
        self._rows = rows[places.argsort(stable=True)]
        self._counts = torch.bincount(places, minlength=len(number))
        self._starts = self._counts.cumsum(0) - self._counts

    def __len__(self) -> int:
        """Number of groups, which is how many samples can be drawn."""
        return len(self._counts)

    def draw(self, count: int, generator: torch.Generator) -> Tensor:
        """Draw samples of different groups, each group being as likely as any other.

        Args:
            count: how many, at most `len`.
            generator: source of the randomness.

        Returns:
            Their places in the split, shape ``[count]``, int64.
        """
        chosen = torch.randperm(len(self), generator=generator)[:count]
        # In double precision, which reaches every one of a few million samples.
        drawn = torch.rand(count, generator=generator, dtype=torch.float64)
        return self._rows[self._starts[chosen] + (drawn * self._counts[chosen]).long()]
