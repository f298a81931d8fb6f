"""Images and texts that occur in several splits, so that training samples are also tested."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass

import torch

from multitask.data.dataset import BatchDataset
from multitask.data.duplicates import Duplicates, Hashes, input_hashes, same_inputs, tells_little

SECONDS = 20.0
"""Time limit in seconds for comparing one kind of inputs before training."""


@dataclass(frozen=True)
class Leaks:
    """Samples of several splits whose images have the same pixels, or whose texts are the same.

    Args:
        groups: the samples of each image or text that occurs in several splits.
        compared: number of samples that were compared.
        samples: total number of samples.
        hashes: for each split, a hash of each image or text that was read.
    """

    groups: list[Duplicates]
    compared: int
    samples: int
    hashes: dict[str, Hashes]

    def tested(self) -> dict[str, int]:
        """For each split except training, the number of samples whose input is also in training."""
        places = {
            sample
            for each in self.groups
            if "train" in each.splits
            for sample in each.samples
            if sample[0] != "train"
        }
        splits = dict.fromkeys(split for split, _ in sorted(places, key=lambda at: at[0] != "val"))
        return {split: sum(at == split for at, _ in places) for split in splits}


def leaks(
    splits: Mapping[str, BatchDataset], name: str = "image", seconds: float = SECONDS
) -> Leaks:
    """Find images or texts that occur in several splits.

    Args:
        splits: the splits by name.
        name: name of the input.
        seconds: time after which reading stops.
    """
    end = time.monotonic() + seconds
    # Small splits first, because all training samples are compared with them.
    in_order = dict(sorted(splits.items(), key=lambda each: len(each[1])))

    def may_read() -> bool:
        return time.monotonic() < end

    hashes = {split: input_hashes(each, may_read, name) for split, each in in_order.items()}
    across = [
        each
        for each in same_inputs(hashes)
        if len(each.splits) > 1 and not _tells_little(splits, name, *each.samples[0])
    ]
    compared = sum(map(len, hashes.values()))
    return Leaks(across, compared, sum(map(len, splits.values())), hashes)


def _tells_little(splits: Mapping[str, BatchDataset], name: str, split: str, place: int) -> bool:
    return bool(tells_little(splits[split].one_input(name, torch.tensor([place]))))
