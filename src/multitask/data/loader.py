"""A loader that continues, in a resumed run, at the batch where it stopped."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch.utils.data import DataLoader

from multitask.augmentation.draws import PLACE
from multitask.data.dataset import Batch, BatchDataset
from multitask.data.sampling import GlobalBatches


class BatchLoader:
    """Loads whole batches by index; its state is the epoch and the number of batches loaded.

    It contains a ``DataLoader`` instead of being one, so that Lightning does not modify its
    batches. If the order is random, as in training, each batch has an entry ``@place``: see
    `GlobalBatches.places`.

    Args:
        dataset: a split.
        sampler: yields the sample indices of each batch.
        num_workers: number of loading processes, 0 for none; for data in memory, 0 is faster.
        pin_memory: whether to page-lock batches, for faster copies to a GPU.
    """

    def __init__(
        self,
        dataset: BatchDataset,
        sampler: GlobalBatches,
        num_workers: int = 0,
        pin_memory: bool = False,
    ) -> None:
        self.sampler = sampler
        # Lightning looks for both samplers and passes the epoch number to the one that exists.
        self.batch_sampler = None
        self.taken = 0
        self._resume: dict[str, Any] = {}
        self._batches: Iterable[Batch] = _Here(dataset, sampler)
        if num_workers or pin_memory:
            self._batches = DataLoader(
                dataset,
                batch_size=None,
                sampler=sampler,
                num_workers=num_workers,
                pin_memory=pin_memory,
                persistent_workers=num_workers > 0,
                # A separate generator, because starting an epoch must not advance the model's
                # random state.
                generator=torch.Generator(),
            )

    def __len__(self) -> int:
        """Number of batches in an epoch."""
        return len(self.sampler)

    def __iter__(self) -> Iterator[Batch]:
        """Yield the batches of the sampler's epoch; for a resumed epoch, the remaining ones."""
        resumed, self._resume = self._resume, {}
        self.taken = resumed["taken"] if resumed.get("epoch") == self.sampler.epoch else 0
        self.sampler.first_batch = self.taken
        epoch = self.sampler.epoch
        for number, batch in enumerate(self._batches, start=self.taken):
            if self.sampler.shuffle:
                batch[PLACE] = self.sampler.places(epoch, number)
            self.taken += 1
            yield batch

    def state_dict(self) -> dict[str, Any]:
        """Return the position within the epoch."""
        return {"epoch": self.sampler.epoch, "taken": self.taken}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Continue where another loader stopped, if the next epoch is the same."""
        self._resume = dict(state_dict)


@dataclass(frozen=True)
class _Here:
    """Assembles batches in this process, several times as fast as a DataLoader.

    Args:
        dataset: a split.
        sampler: yields the sample indices of each batch.
    """

    dataset: BatchDataset
    sampler: GlobalBatches

    def __iter__(self) -> Iterator[Batch]:
        return (self.dataset[indices] for indices in self.sampler)
