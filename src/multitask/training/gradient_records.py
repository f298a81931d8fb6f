"""Records of the tasks' gradients in a run, small enough for every checkpoint."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

MOST = 1000
"""Maximum number of records to draw; beyond that, every second one is dropped."""
SIZE = 2**20
"""Maximum size of all records in bytes; with many tasks it means fewer records."""


class GradientRecords:
    """Norms, weights and cosines over time, float32, and counts of each pair over all records.

    Pairs are in the order of ``itertools.combinations``: first with second, first with third, ...

    Attributes:
        at: the batch of each record.
        norms: norm of each task's gradient, NaN without a label; shape ``[tasks]`` each.
        weights: weight of each task; shape ``[tasks]`` each.
        cosines: cosine of each pair, NaN if one of the two has no gradient; shape ``[pairs]`` each.
        conflicts: number of records with a negative cosine, shape ``[pairs]``.
        seen: number of records with a cosine, shape ``[pairs]``.
        sums: sums of the cosines over all records, shape ``[pairs]``, float64.
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
            weights: weight of each task, shape ``[tasks]``.

        Returns:
            The tasks' norms and the pairs' cosines, in the precision of the input.
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
        """Each pair's share of conflicts in all records, NaN if it has none; shape ``[pairs]``."""
        return self.conflicts / self.seen

    @property
    def means(self) -> Tensor:
        """Each pair's mean cosine over all records, NaN if it has none; shape ``[pairs]``."""
        return self.sums / self.seen

    def state_dict(self) -> dict[str, Any]:
        """All records, as one tensor of each kind."""
        lists = {"norms": self.norms, "weights": self.weights, "cosines": self.cosines}
        stacked = {name: torch.stack(each) for name, each in lists.items() if each}
        counts = {"conflicts": self.conflicts, "seen": self.seen, "sums": self.sums}
        return {"at": list(self.at), **stacked, **{k: v.clone() for k, v in counts.items()}}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Restore the return value of `state_dict`, also from an earlier version of a callback."""
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
    """Convert a state of whole Gramians in double precision to the current format."""
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
        # The sum over all records was not stored: dropped records are assumed to be like the
        # others.
        "sums": cosines.nanmean(0).nan_to_num() * seen,
    }
