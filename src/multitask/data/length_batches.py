"""Batches of texts of similar length, which need little padding."""

from __future__ import annotations

import torch
from torch import Tensor

from multitask.data.dataset import ROWS, BatchDataset
from multitask.data.sampling import GlobalBatches, order_generator
from multitask.errors import InputError
from multitask.tokenizers import is_text, text_mask


class ByLength(GlobalBatches):
    """Global batches of samples whose texts have similar lengths.

    All samples are shuffled and cut into windows of several batches. In each window they are sorted
    by length and cut into batches; then all batches are shuffled. The samples of a batch are
    assigned to the processes alternately, so that each gets similar lengths.

    Args:
        lengths: number of tokens of each sample, shape ``[samples]``.
        window: number of batches whose samples are sorted together.
        batch_size: number of samples in a global batch.
        seed: seed of the sampling order.
        rank: index of this process.
        world_size: number of processes.
    """

    def __init__(
        self,
        lengths: Tensor,
        window: int,
        batch_size: int,
        seed: int,
        rank: int = 0,
        world_size: int = 1,
    ) -> None:
        super().__init__(len(lengths), batch_size, seed, True, rank, world_size)
        self.lengths, self.window = lengths, window

    def part(self, batch: Tensor) -> Tensor:
        return batch[self.rank :: self.world_size]

    def global_batches(self, epoch: int) -> list[Tensor]:
        generator = order_generator(self.seed, epoch)
        # The samples that do not fill a batch are dropped at random, not by length.
        order = torch.randperm(self.size, generator=generator)[: len(self) * self.batch_size]
        windows = order.split(min(self.window, max(len(self), 1)) * self.batch_size)
        # Texts of the same length stay in random order.
        ordered = [each[self.lengths[each].sort(stable=True).indices] for each in windows]
        batches = torch.cat(ordered).split(self.batch_size)
        return [batches[place] for place in torch.randperm(len(self), generator=generator)]


def text_lengths(split: BatchDataset) -> Tensor:
    """Count the tokens of each sample, over all its texts.

    Args:
        split: the samples.

    Returns:
        Shape ``[samples]``, int64.

    Raises:
        InputError: if the samples have no text.
    """
    first = split.inputs(torch.tensor([0]))
    texts = [name for name, values in first.items() if is_text(values)]
    if not texts:
        raise InputError("by_length sorts texts by length, but there are no texts; remove it")
    rows = torch.arange(len(split)).split(ROWS)
    found = [
        torch.cat([text_mask(split.one_input(name, each)).sum(1) for each in rows])
        for name in texts
    ]
    return torch.stack(found).sum(0)
