"""Assignment of samples to batches, the same for any number of processes."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor
from torch.utils.data import Sampler

from multitask.errors import InputError


class GlobalBatches(Sampler[Tensor]):
    """Yields this process's share of each global batch, as a tensor of sample indices.

    The global batches depend only on the seed and the epoch, so the number of processes does not
    affect training.

    Args:
        size: number of samples.
        batch_size: number of samples in a global batch.
        seed: seed of the sampling order.
        shuffle: whether to use a new order in each epoch and drop an incomplete last batch;
            otherwise samples are in the data's order, each exactly once.
        rank: index of this process.
        world_size: number of processes.
    """

    def __init__(
        self,
        size: int,
        batch_size: int,
        seed: int,
        shuffle: bool,
        rank: int = 0,
        world_size: int = 1,
    ) -> None:
        self.size, self.batch_size, self.seed, self.shuffle = size, batch_size, seed, shuffle
        self.rank, self.world_size = rank, world_size
        self.epoch = self.first_batch = 0

    def set_epoch(self, epoch: int) -> None:
        """Set the epoch; Lightning calls this before each epoch."""
        self.epoch = epoch

    def __len__(self) -> int:
        """Number of global batches in an epoch."""
        full, rest = divmod(self.size, self.batch_size)
        return full + (rest > 0 and not self.shuffle)

    def __iter__(self) -> Iterator[Tensor]:
        """Start at ``first_batch``, which is set in a resumed run."""
        for batch in self.global_batches(self.epoch)[self.first_batch :]:
            yield self.part(batch)

    def part(self, batch: Tensor) -> Tensor:
        """Select this process's part of a global batch's data, one entry per sample."""
        return batch.tensor_split(self.world_size)[self.rank]

    def share(self, epoch: int, batch: int) -> Tensor:
        """Return this process's share of a batch of an epoch, shape ``[samples]``, int64."""
        return self.part(self.global_batches(epoch)[batch])

    def places(self, epoch: int, batch: int) -> Tensor:
        """Return the positions of this process's samples among all samples of a training run.

        They depend only on the epoch and the positions in the global batches.

        Args:
            epoch: the epoch.
            batch: index of a full batch in the epoch.

        Returns:
            Shape ``[share of the batch]``, int64.
        """
        first = (epoch * len(self) + batch) * self.batch_size
        return self.part(torch.arange(first, first + self.batch_size))

    def global_batches(self, epoch: int) -> list[Tensor]:
        """Return all batches of an epoch, each of shape ``[samples]``, int64."""
        order = torch.arange(self.size)
        if self.shuffle:
            order = torch.randperm(self.size, generator=order_generator(self.seed, epoch))
        return list(order.split(self.batch_size))[: len(self)]


class LabelledAndUnlabelled(GlobalBatches):
    """Global batches that hold a fixed number of labelled samples, for a task with few labels.

    An epoch is one pass over the unlabelled samples; labelled ones are repeated as needed.

    Args:
        labelled: which samples have a label, shape ``[samples]``, bool.
        batch_size: number of samples in a global batch.
        labelled_per_batch: number of labelled samples in a global batch.
        seed: seed of the sampling order.
        rank: index of this process.
        world_size: number of processes.
    """

    def __init__(
        self,
        labelled: Tensor,
        batch_size: int,
        labelled_per_batch: int,
        seed: int,
        rank: int = 0,
        world_size: int = 1,
    ) -> None:
        super().__init__(len(labelled), batch_size, seed, True, rank, world_size)
        self.labelled = labelled.nonzero().flatten()
        self.unlabelled = (~labelled).nonzero().flatten()
        self.labelled_per_batch = labelled_per_batch
        self.unlabelled_per_batch = batch_size - labelled_per_batch
        if not 0 < labelled_per_batch < batch_size:
            raise InputError(
                f"labelled_per_batch is {labelled_per_batch}; choose from 1 to {batch_size - 1}, "
                "below batch_size"
            )
        if len(self.labelled) == 0 or len(self.unlabelled) == 0:
            kind = "labelled" if len(self.labelled) == 0 else "unlabelled"
            raise InputError(
                f"labelled_per_batch is {labelled_per_batch}, but the training data have no "
                f"{kind} samples; set labelled_per_batch to null"
            )

    def __len__(self) -> int:
        return -(-len(self.unlabelled) // self.unlabelled_per_batch)

    def global_batches(self, epoch: int) -> list[Tensor]:
        generator = order_generator(self.seed, epoch)
        labelled = in_rounds(self.labelled, len(self) * self.labelled_per_batch, generator)
        unlabelled = in_rounds(self.unlabelled, len(self) * self.unlabelled_per_batch, generator)
        halves = zip(
            labelled.split(self.labelled_per_batch),
            unlabelled.split(self.unlabelled_per_batch),
            strict=True,
        )
        # Shuffled, so that every process gets samples of both kinds.
        orders = (torch.randperm(self.batch_size, generator=generator) for _ in range(len(self)))
        return [torch.cat(half)[order] for half, order in zip(halves, orders, strict=True)]


def in_rounds(pool: Tensor, length: int, generator: torch.Generator) -> Tensor:
    """Draw samples in rounds, each of which contains all of them in a new random order.

    Args:
        pool: the samples, shape ``[samples]``, int64.
        length: number of samples to draw.
        generator: random number generator.

    Returns:
        Shape ``[length]``, int64.
    """
    rounds = -(-length // len(pool))
    orders = [pool[torch.randperm(len(pool), generator=generator)] for _ in range(rounds)]
    return torch.cat([pool[:0], *orders])[:length]


def order_generator(seed: int, epoch: int) -> torch.Generator:
    """Create the random number generator of one epoch's order."""
    # A large odd factor, so that seeds and epochs of neighbouring runs do not coincide.
    return torch.Generator().manual_seed((seed * 1_000_003 + epoch) % 2**63)
