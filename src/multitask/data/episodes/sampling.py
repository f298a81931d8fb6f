"""Batches of whole episodes."""

from __future__ import annotations

import torch
from torch import Tensor

from multitask.data.sampling import GlobalBatches


class WholeEpisodes(GlobalBatches):
    """Global batches with a fixed number of episodes; each process gets whole ones.

    Args:
        episodes: number of episodes in an epoch.
        samples: number of samples in an episode.
        episodes_per_batch: number of episodes in a global batch.
        training: whether to use new episodes in each epoch and drop an incomplete last batch;
            otherwise every epoch has the same episodes, each exactly once.
        rank: index of this process.
        world_size: number of processes.
    """

    def __init__(
        self,
        episodes: int,
        samples: int,
        episodes_per_batch: int,
        training: bool,
        rank: int = 0,
        world_size: int = 1,
    ) -> None:
        batch_size = samples * episodes_per_batch
        super().__init__(episodes * samples, batch_size, 0, training, rank, world_size)
        self.samples = samples

    def global_batches(self, epoch: int) -> list[Tensor]:
        first = epoch * len(self) * self.batch_size if self.shuffle else 0
        end = first + min(self.size, len(self) * self.batch_size)
        return list(torch.arange(first, end).split(self.batch_size))

    def part(self, batch: Tensor) -> Tensor:
        return batch.view(-1, self.samples).tensor_split(self.world_size)[self.rank].flatten()
