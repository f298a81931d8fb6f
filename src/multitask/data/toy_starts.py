"""A single point: the start of a run on the toy problem."""

from __future__ import annotations

from typing import Any

import torch

from multitask.data.base import DataModule
from multitask.data.dataset import BatchDataset, InMemory
from multitask.data.split_check import SPLITS
from multitask.errors import InputError

STARTS = ((-8.5, 7.5), (0.0, 0.0), (9.0, 9.0), (-7.5, -0.5), (9.0, -1.0))
"""The starting points in papers on the toy problem (see `multitask.tasks.toy_problem`)."""
TASKS = ("first", "second")


class ToyStarts(DataModule):
    """One of the five starting points of the toy problem; seed 0 is the first, 5 the first again.

    Every image is that point, of shape ``[1, 1, 2]``. The training set repeats it, so that an epoch
    has the desired number of steps between two validations.

    Tasks: ``first`` and ``second``, which have nothing to predict: their targets are 0.

    Args:
        samples: size of the training set; with ``batch_size`` 1, the number of steps in an epoch.
        options: see `DataModule`.
    """

    # There is a single point, and nothing to generalise to.
    is_looked_at = False

    def __init__(self, samples: int = 10_000, **options: Any) -> None:
        super().__init__(**options)
        if samples < 1:
            raise InputError(f"samples is {samples}; give at least 1")
        self.samples = samples

    def load(self) -> dict[str, BatchDataset]:
        start = torch.tensor(STARTS[self.seed % len(STARTS)])
        splits: dict[str, BatchDataset] = {}
        for split in SPLITS:
            size = self.samples if split == "train" else 1
            targets = {task: torch.zeros(size) for task in TASKS}
            splits[split] = InMemory(start.expand(size, 1, 1, 2), targets)
        return splits
