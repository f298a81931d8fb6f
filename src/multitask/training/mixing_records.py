"""Records of the learned mixtures of a run, small enough for every checkpoint."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from multitask.errors import InputError
from multitask.sharing import Mixing

MOST = 1000
"""Maximum number of records to draw; beyond that, every second one is dropped."""
SIZE = 2**20
"""Maximum size of all records in bytes; with many tasks and parts it means fewer records."""


class MixingRecords:
    """How much each task used each part of the model, over time.

    Attributes:
        at: the batch of each record, increasing.
        parts: by place in the model, the names of its parts.
        shares: by place, one entry for each record: shape ``[tasks, parts]``, float32 on the CPU;
            NaN if it was unknown.
    """

    def __init__(self) -> None:
        self.at: list[int] = []
        self.parts: dict[str, list[str]] = {}
        self.shares: dict[str, list[Tensor]] = {}

    def add(self, at: int, mixing: Mapping[str, Mixing], tasks: int) -> None:
        """Add a record, unless it is empty.

        Args:
            at: the batch, after that of the previous record.
            mixing: return value of a scheme, by place.
            tasks: number of tasks.

        Raises:
            InputError: if a place's shares do not have a row for each task and a column for each
                part, or its parts differ from those of the first record.
        """
        if not mixing:
            return
        for place, found in mixing.items():
            self._check(place, found, tasks)
            if place not in self.parts:
                self.parts[place] = list(found.parts)
                unknown = torch.full(found.shares.shape, torch.nan)
                self.shares[place] = [unknown] * len(self.at)
        self.at.append(at)
        for place, records in self.shares.items():
            known = mixing.get(place)
            unknown = torch.full((tasks, len(self.parts[place])), torch.nan)
            # A copy: a scheme may return its own parameter.
            records.append(unknown if known is None else known.shares.detach().clone().float())
        if len(self.at) > self._limit(tasks):
            self.at = self.at[::2]
            self.shares = {place: each[::2] for place, each in self.shares.items()}

    def state_dict(self) -> dict[str, Any]:
        """All records, as one tensor for each place; empty if there are none."""
        if not self.at:
            return {}
        stacked = {place: torch.stack(each) for place, each in self.shares.items()}
        parts = {place: list(names) for place, names in self.parts.items()}
        return {"at": list(self.at), "parts": parts, "shares": stacked}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Restore the return value of `state_dict`."""
        self.at = list(state.get("at", []))
        self.parts = {place: list(names) for place, names in state.get("parts", {}).items()}
        self.shares = {place: list(each) for place, each in state.get("shares", {}).items()}

    def _check(self, place: str, found: Mixing, tasks: int) -> None:
        expected, given = (tasks, len(found.parts)), tuple(found.shares.shape)
        if given != expected:
            raise InputError(
                f"the sharing scheme's mixing '{place}' has shares of shape {list(given)}; "
                f"{tasks} tasks and {len(found.parts)} parts need {list(expected)}"
            )
        known = self.parts.get(place, list(found.parts))
        if list(found.parts) != known:
            raise InputError(
                f"the sharing scheme's mixing '{place}' has the parts {', '.join(found.parts)}; "
                f"before, it had {', '.join(known)}, but a scheme must keep its parts"
            )

    def _limit(self, tasks: int) -> int:
        record = 4 * tasks * sum(map(len, self.parts.values()))
        return min(MOST, max(2, SIZE // max(record, 1)))
