"""What a run keeps of how its tasks' gradients met, compact enough for every checkpoint."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

MOST = 1000
"""Records kept for drawing; of more, every second one goes."""
SIZE = 2**20
"""Bytes that all records may take, which with many tasks means fewer of them."""


class GradientRecords:
    """Norms, weights and cosines over time, float32, and each pair's counts over all records.

    Pairs are in the order of ``itertools.combinations``: first with second, first with third, ...

    Attributes:
        at: the batch of each record that is kept.
        norms: of each task's gradient, NaN without a label; shape ``[tasks]`` each.
        weights: how much each task counted; shape ``[tasks]`` each.
        cosines: of each pair, NaN if one of the two has no gradient; shape ``[pairs]`` each.
        conflicts: in how many records the cosine was negative, shape ``[pairs]``.
        seen: in how many records there was a cosine, shape ``[pairs]``.
        sums: of the cosines over all records, shape ``[pairs]``, float64.
    """

    def __init__(self) -> None:
        self.at: list[int] = []
        self.norms: list[Tensor] = []
        self.weights: list[Tensor] = []
        self.cosines: list[Tensor] = []
        self.conflicts = self.seen = self.sums = torch.zeros(0)

    def add(self, at: int, gramian: Tensor, weights: Tensor) -> tuple[Tensor, Tensor]:
        """Add a record.

        Args:
            at: the batch.
            gramian: inner products of the tasks' gradients, shape ``[tasks, tasks]``, float64; 0
                for a task without a label.
            weights: how much each task counted, shape ``[tasks]``.

        Returns:
            The tasks' norms and the pairs' cosines, as precise as they came.
        """
        norms, cosines = _compared(gramian)
        if not self.at:
            counts = torch.zeros(len(cosines), dtype=torch.int32)
            self.conflicts, self.seen = counts.clone(), counts.clone()
            self.sums = torch.zeros(len(cosines), dtype=torch.float64)
        self.conflicts += cosines < 0
        self.seen += cosines.isfinite()
        self.sums += cosines.nan_to_num()
        self.at.append(at)
        self.norms.append(norms.float())
        self.weights.append(weights.float())
        self.cosines.append(cosines.float())
        if len(self.at) > self._limit():
            for records in (self.at, self.norms, self.weights, self.cosines):
                del records[1::2]
        return norms, cosines

    @property
    def rates(self) -> Tensor:
        """Each pair's share of conflicts in all records, NaN without any; shape ``[pairs]``."""
        return self.conflicts / self.seen

    @property
    def means(self) -> Tensor:
        """Each pair's mean cosine over all records, NaN without any; shape ``[pairs]``."""
        return self.sums / self.seen

    def state_dict(self) -> dict[str, Any]:
        """All records, as one tensor of each kind."""
        lists = {"norms": self.norms, "weights": self.weights, "cosines": self.cosines}
        stacked = {name: torch.stack(each) for name, each in lists.items() if each}
        counts = {"conflicts": self.conflicts, "seen": self.seen, "sums": self.sums}
        return {"at": list(self.at), **stacked, **{k: v.clone() for k, v in counts.items()}}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue with what `state_dict` returned, or a callback of an earlier version did."""
        if state.get("gramians"):
            state = _converted(state)
        self.at = list(state["at"])
        self.norms, self.weights, self.cosines = (
            list(state[name]) if self.at else [] for name in ("norms", "weights", "cosines")
        )
        if self.at:
            self.conflicts, self.seen, self.sums = (
                state[name].clone() for name in ("conflicts", "seen", "sums")
            )

    def _limit(self) -> int:
        pairs, tasks = len(self.seen), len(self.norms[0])
        counts, record = 16 * pairs, 4 * (pairs + 2 * tasks)
        return min(MOST, max(2, (SIZE - counts) // record))


def _compared(gramian: Tensor) -> tuple[Tensor, Tensor]:
    squares = gramian.diagonal()
    norms = torch.where(squares > 0, squares, torch.nan).sqrt()
    one, other = _pairs(len(gramian))
    return norms, gramian[one, other] / norms[one] / norms[other]


def _pairs(tasks: int) -> Tensor:
    return torch.triu_indices(tasks, tasks, 1)


def _converted(state: dict[str, Any]) -> dict[str, Any]:
    """Make a state of whole Gramians, in double precision, one of what is kept today."""
    found = [_compared(gramian) for gramian in state["gramians"]]
    norms, cosines = (torch.stack(each) for each in zip(*found, strict=True))
    one, other = _pairs(norms.shape[1])
    conflicts, seen = (state[name][one, other].int() for name in ("conflicts", "seen"))
    return {
        "at": state["at"],
        "norms": norms.float(),
        "weights": torch.stack(list(state["weights"])).float(),
        "cosines": cosines.float(),
        "conflicts": conflicts,
        "seen": seen,
        # The sum over all records was not kept: as if those left out were like the others.
        "sums": cosines.nanmean(0).nan_to_num() * seen,
    }
