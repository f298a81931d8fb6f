"""The targets of one task: a tensor in memory, or any object that is read by batch."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate
from typing import Protocol

import torch
from torch import Tensor

from multitask.missing_labels import unpacked

MOST_SAMPLES, MOST_NUMBERS = 256, 2**24
"""Limits on what is read of targets that are not in memory in the form that tasks receive."""


class Targets(Protocol):
    """A task's targets for all samples of a split; a tensor qualifies.

    Missing values are NaN in floating targets, -100 in class indices (int64), and 255 in bytes of
    class indices (uint8). Loading processes get a copy, so the object must be picklable.
    """

    def __len__(self) -> int:
        """Number of samples."""

    def __getitem__(self, indices: Tensor, /) -> Tensor:
        """Read targets.

        Args:
            indices: indices of samples, shape ``[batch]``, int64.

        Returns:
            First axis ``[batch]``; shape and dtype are the same for all samples.
        """


class TargetRows:
    """A subset of targets that are read by batch.

    Args:
        source: the targets of all samples.
        rows: indices in the source, shape ``[samples]``, int64.
    """

    def __init__(self, source: Targets, rows: Tensor) -> None:
        self._source, self._rows = source, rows

    def __len__(self) -> int:
        return len(self._rows)

    def __getitem__(self, indices: Tensor, /) -> Tensor:
        return self._source[self._rows[indices]]


class JoinedTargets:
    """The concatenated targets of several sources.

    Args:
        parts: targets of each source, of one shape and dtype.
    """

    def __init__(self, parts: Sequence[Targets]) -> None:
        self._parts = list(parts)
        self._starts = torch.tensor(list(accumulate(map(len, parts), initial=0)))

    def __len__(self) -> int:
        return int(self._starts[-1])

    def __getitem__(self, indices: Tensor, /) -> Tensor:
        source = torch.searchsorted(self._starts[1:], indices, right=True)
        like = example(self._parts[0])
        found = like.new_empty(len(indices), *like.shape[1:])
        for place in source.unique().tolist():
            own = (source == place).nonzero().flatten()
            found[own] = self._parts[place][indices[own] - self._starts[place]]
        return found


def example(targets: Targets) -> Tensor:
    """Read the first sample's target, shape ``[1, ...]``."""
    return targets[torch.tensor([0])]


def rows_of(targets: Targets, rows: Tensor) -> Targets:
    """Select samples of any targets.

    Args:
        targets: targets of all samples.
        rows: indices in the targets, shape ``[samples]``, int64.
    """
    return targets[rows] if isinstance(targets, Tensor) else TargetRows(targets, rows)


def joined(parts: Sequence[Targets]) -> Targets:
    """Concatenate the targets of several sources.

    Args:
        parts: targets of each source, of one shape and dtype.
    """
    tensors = [each for each in parts if isinstance(each, Tensor)]
    return torch.cat(tensors) if len(tensors) == len(parts) else JoinedTargets(parts)


def as_tasks_see(targets: Tensor) -> Tensor:
    """Convert stored targets to the form that tasks receive.

    Args:
        targets: any shape.

    Returns:
        Bytes of class indices as int64, -100 if missing, half precision (float16) as float32,
        others unchanged.
    """
    targets = unpacked(targets)
    return targets.float() if targets.dtype == torch.float16 else targets


def places_to_look_at(targets: Targets) -> Tensor:
    """Choose samples that represent the targets.

    Args:
        targets: targets of all samples.

    Returns:
        All indices if the targets are a tensor, in the form that tasks receive or small enough to
        be converted; otherwise at most 256, evenly spaced. Shape ``[samples]``, int64.
    """
    size = len(targets)
    if isinstance(targets, Tensor):
        is_packed = targets.dtype in (torch.uint8, torch.float16)
        if not is_packed or targets.numel() <= MOST_NUMBERS:
            return torch.arange(size)
    # In integers, to avoid rounding.
    count = min(size, MOST_SAMPLES)
    return torch.arange(count) * max(size - 1, 0) // max(count - 1, 1)


def look_at(targets: Targets) -> Tensor:
    """Read targets that represent all, as tasks receive them: see `places_to_look_at`."""
    places = places_to_look_at(targets)
    if isinstance(targets, Tensor) and len(places) == len(targets):
        return as_tasks_see(targets)
    return as_tasks_see(targets[places])
