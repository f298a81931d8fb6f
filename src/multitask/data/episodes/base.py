"""The base class of episodic data: sizes, loaders and batches."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from multitask.configuration.defaults import default_of
from multitask.data.base import DataModule
from multitask.data.dataset import Batch
from multitask.data.episodes.dataset import EpisodeDataset
from multitask.data.episodes.entries import SHOWN
from multitask.data.episodes.sampling import WholeEpisodes
from multitask.data.sampling import GlobalBatches
from multitask.data.targets import as_tasks_see
from multitask.errors import InputError

MOST_LOOKED_AT = 64
"""Number of episodes that represent the targets of a split."""


class EpisodeData(DataModule):
    """Samples episodes: small tasks, each with a support set to learn from and a query set.

    Training gets new episodes in each epoch; validation and test episodes are always the same. A
    global batch holds whole episodes, which are divided among the processes. Besides the inputs, a
    batch has the entries defined in `multitask.data.episodes.entries`; under the tasks' names, the
    targets of the support set are missing.

    Args:
        shots: size of the support set, see the subclass; 1 or more.
        queries: size of the query set, see the subclass; 1 or more.
        episodes: number of training episodes in an epoch.
        val_episodes: number of validation episodes.
        test_episodes: number of test episodes.
        episodes_per_batch: number of episodes in a global batch.
        options: see `DataModule`.
    """

    deals_episodes = True
    # Samples recur across episodes, and the splits are disjoint by construction.
    is_looked_at = False

    def __init__(
        self,
        shots: int,
        queries: int,
        episodes: int,
        val_episodes: int,
        test_episodes: int,
        episodes_per_batch: int,
        **options: Any,
    ) -> None:
        super().__init__(**options)
        counts = {
            "shots": shots,
            "queries": queries,
            "episodes": episodes,
            "val_episodes": val_episodes,
            "test_episodes": test_episodes,
            "episodes_per_batch": episodes_per_batch,
        }
        for name, count in counts.items():
            if count < 1:
                raise InputError(f"{type(self).__name__}: {name} is {count}; give at least 1")
        for split in ("val", "test"):
            name = f"{split}_episodes"
            if split in self.without and counts[name] != default_of(type(self), name):
                raise InputError(
                    f"{type(self).__name__}: {name} is {counts[name]}, but without names "
                    f"'{split}'; remove one of them"
                )
        if episodes_per_batch > episodes:
            raise InputError(
                f"{type(self).__name__}: episodes_per_batch is {episodes_per_batch}, but an epoch "
                f"has {episodes} episodes; give at most {episodes}"
            )
        self.shots, self.queries = shots, queries
        self.episodes = {"train": episodes, "val": val_episodes, "test": test_episodes}
        self.episodes_per_batch = episodes_per_batch

    def targets(self, split: str, rows: slice = slice(None)) -> dict[str, Tensor]:
        """Return the targets that represent all of them: those of at most 64 episodes of the split.

        Args:
            split: ``train``, ``val`` or ``test``.
            rows: the samples to return; default: those of these episodes.
        """
        samples = self._split(split)
        assert isinstance(samples, EpisodeDataset)
        meant = torch.arange(len(samples))[rows]
        if rows == slice(None):
            meant = meant[: MOST_LOOKED_AT * samples.size]
        return {name: as_tasks_see(each[meant]) for name, each in samples.targets.items()}

    def on_after_batch_transfer(self, batch: Batch, dataloader_idx: int) -> Batch:
        """See `DataModule`; the support targets are treated like targets."""
        found = super().on_after_batch_transfer(batch, dataloader_idx)
        shown = {name: batch[name] for name in batch if name.startswith(SHOWN)}
        return {**found, **{name: as_tasks_see(values) for name, values in shown.items()}}

    def _training_batches(self) -> GlobalBatches:
        self.setup()
        return self._whole("train", self.episodes["train"])

    def _all_batches(self, split: str) -> GlobalBatches:
        self._split(split)
        return self._whole(split, self.episodes[split])

    def _whole(self, split: str, episodes: int) -> WholeEpisodes:
        samples, processes = self._split(split), self._processes()
        assert isinstance(samples, EpisodeDataset)
        count = processes.get("world_size", 1)
        if split == "train" and self.episodes_per_batch < count:
            raise InputError(
                f"episodes_per_batch is {self.episodes_per_batch}, but each of {count} processes "
                f"needs whole episodes; give {count} or more"
            )
        return WholeEpisodes(
            episodes, samples.size, self.episodes_per_batch, split == "train", **processes
        )
