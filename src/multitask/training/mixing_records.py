"""What a run keeps of which parts its tasks shared, compact enough for every checkpoint."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from multitask.errors import InputError
from multitask.sharing import Mixing

MOST = 1000
"""Records kept for drawing; of more, every second one goes."""
SIZE = 2**20
"""Bytes that all records may take, which with many tasks and parts means fewer of them."""


class MixingRecords:
    """How much each task took of each part of the model, over time.

    Attributes:
        at: the batch of each record that is kept, increasing.
        parts: by place in the model, what its parts are called.
        shares: by place, a record each: shape ``[tasks, parts]``, float32 on the CPU; NaN if it
            was unknown.
    """

    def __init__(self) -> None:
        self.at: list[int] = []
        self.parts: dict[str, list[str]] = {}
        self.shares: dict[str, list[Tensor]] = {}

    def add(self, at: int, mixing: Mapping[str, Mixing], tasks: int) -> None:
        """Add a record; no record if there is nothing in it.

        Args:
            at: the batch, after the one of the record before.
            mixing: what a scheme returned, by place.
            tasks: their number.

        Raises:
            InputError: if a place's shares do not have a row for each task and a column for each
                part, or its parts are not those of the first record.
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
            # A copy: what a scheme returns may be its own parameter.
            records.append(unknown if known is None else known.shares.detach().clone().float())
        if len(self.at) > self._limit(tasks):
            self.at = self.at[::2]
            self.shares = {place: each[::2] for place, each in self.shares.items()}

    def state_dict(self) -> dict[str, Any]:
        """All records, as one tensor for each place; empty without any."""
        if not self.at:
            return {}
        stacked = {place: torch.stack(each) for place, each in self.shares.items()}
        parts = {place: list(names) for place, names in self.parts.items()}
        return {"at": list(self.at), "parts": parts, "shares": stacked}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue with what `state_dict` returned."""
        self.at = list(state.get("at", []))
        self.parts = {place: list(names) for place, names in state.get("parts", {}).items()}
        self.shares = {place: list(each) for place, each in state.get("shares", {}).items()}

    def _check(self, place: str, found: Mixing, tasks: int) -> None:
        expected, given = (tasks, len(found.parts)), tuple(found.shares.shape)
        if given != expected:
            raise InputError(
                f"the sharing scheme's mixing '{place}' has shares of shape {list(given)}; "
                f"{tasks} tasks and {len(found.parts)} parts take {list(expected)}"
            )
        known = self.parts.get(place, list(found.parts))
        if list(found.parts) != known:
            raise InputError(
                f"the sharing scheme's mixing '{place}' has the parts {', '.join(found.parts)}; "
                f"before, it had {', '.join(known)}, and a scheme keeps its parts"
            )

    def _limit(self, tasks: int) -> int:
        record = 4 * tasks * sum(map(len, self.parts.values()))
        return min(MOST, max(2, SIZE // max(record, 1)))
