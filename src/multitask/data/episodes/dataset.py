"""A sequence of episodes, sampled when they are read."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence

import torch
from torch import Tensor

from multitask.data.dataset import Batch, BatchDataset
from multitask.data.episodes.entries import EPISODE, SHOWN, SUPPORT
from multitask.data.targets import Targets
from multitask.missing_labels import missing_like


class EpisodeDataset(BatchDataset):
    """Episodes of one size; a sample's index is episode number * size + position.

    The support set comes first. A number identifies the same episode whenever it is read, in any
    process. The sequence is infinite: episodes beyond `len` are for later epochs.

    Args:
        support: number of samples in the support set.
        queries: number of samples in the query set.
        episodes: number of episodes in an epoch.
        tasks: names of the tasks.
    """

    def __init__(self, support: int, queries: int, episodes: int, tasks: Sequence[str]) -> None:
        self.support, self.size, self.episodes = support, support + queries, episodes
        super().__init__({task: _Asked(self, task) for task in tasks})

    def __len__(self) -> int:
        return self.episodes * self.size

    @abstractmethod
    def all_targets(self, indices: Tensor) -> dict[str, Tensor]:
        """Return the targets by task, including those of the support set.

        Args:
            indices: the samples' indices, shape ``[batch]``, int64.
        """

    def is_support(self, indices: Tensor) -> Tensor:
        """Return which samples belong to the support set, shape ``[batch]``, bool."""
        return indices % self.size < self.support

    def __getitem__(self, indices: Tensor) -> Batch:
        targets, support = self.all_targets(indices), self.is_support(indices)
        return {
            **self.inputs(indices),
            "index": indices,
            EPISODE: indices // self.size,
            SUPPORT: support,
            **{name: hidden(values, support) for name, values in targets.items()},
            **{SHOWN + name: hidden(values, ~support) for name, values in targets.items()},
        }


class _Asked(Targets):
    """One task's targets, which are known only for queries."""

    def __init__(self, episodes: EpisodeDataset, task: str) -> None:
        self._episodes, self._task = episodes, task

    def __len__(self) -> int:
        return len(self._episodes)

    def __getitem__(self, indices: Tensor, /) -> Tensor:
        values = self._episodes.all_targets(indices)[self._task]
        return hidden(values, self._episodes.is_support(indices))


def hidden(targets: Tensor, rows: Tensor) -> Tensor:
    """Mark some samples' targets as missing.

    Args:
        targets: first axis ``[batch]``.
        rows: which samples to mark, shape ``[batch]``, bool.
    """
    mask = rows.view(-1, *[1] * (targets.ndim - 1))
    return torch.where(mask, missing_like(targets), targets)
