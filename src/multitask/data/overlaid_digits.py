"""Two handwritten digits on one canvas: two classes, and a number of a much larger scale."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from multitask.data.base import DataModule
from multitask.data.dataset import BatchDataset, InMemory
from multitask.data.digits import TEST, VALIDATION, source_digits
from multitask.data.posed_digits import CANVAS, render
from multitask.data.splitting import random_split
from multitask.errors import InputError, nearest

TASKS = ("left", "right", "offset")
SAMPLES = {"train": 2000, "val": 500, "test": 1500}
SIDE = 14.0
APART = 6.0
JITTER = 1.5
NOISE = 0.05


class OverlaidDigits(DataModule):
    """Two real handwritten digits on a canvas of 24x24 pixels, 2000 / 500 / 1500 images.

    Similar to MultiMNIST (Sabour et al., 2017; Sener and Koltun, 2018): digits of 14x14 pixels
    whose centres are 6 pixels apart, each shifted by up to 1.5 pixels horizontally and vertically.
    Where they overlap, the brighter one is visible. The splits share no source digit.

    Tasks: ``left`` and ``right`` (10 classes each) and ``offset`` (1 number: how far the right
    digit lies below the left one, in percent of the canvas, -12.5 to 12.5). The tasks compete for
    the encoder: each class must be recognised independently of the other digit and the offset. In
    its raw unit (``scale: none``) the offset has a mean square of 26, and its loss dominates the
    others.

    Args:
        tasks: names of the targets to include in batches.
        options: see `DataModule`.
    """

    def __init__(self, tasks: Sequence[str] = TASKS, **options: Any) -> None:
        super().__init__(**options)
        for task in tasks:
            if task not in TASKS:
                raise InputError(
                    f"tasks: OverlaidDigits has no task '{task}'{nearest(task, TASKS)}"
                )
        self.tasks = list(tasks)

    def load(self) -> dict[str, BatchDataset]:
        glyphs, labels = source_digits()
        generator = torch.Generator().manual_seed(self.seed)
        splits: dict[str, BatchDataset] = {}
        for split, rows in random_split(len(glyphs), VALIDATION, TEST, self.seed).items():
            left, right = (_shuffled(rows, SAMPLES[split], generator) for _ in range(2))
            images, offset = overlay(glyphs[left], glyphs[right], generator)
            targets = {"left": labels[left], "right": labels[right], "offset": offset}
            splits[split] = InMemory(images, {task: targets[task] for task in self.tasks})
        return splits


def overlay(left: Tensor, right: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Draw pairs of glyphs over each other, each at a random position on its side.

    Args:
        left: shape ``[samples, 1, 8, 8]``, float32 from 0 to 1.
        right: the same shape.
        generator: random number generator.

    Returns:
        Images ``[samples, 1, 24, 24]``, float32 from 0 to 1, and how far the right glyphs lie below
        the left ones, in percent of the canvas, shape ``[samples]``.
    """
    jitter = JITTER * (2 * torch.rand(2, len(left), 2, generator=generator) - 1)
    places = jitter + torch.tensor([[[-APART / 2, 0]], [[APART / 2, 0]]])
    images = torch.maximum(_drawn(left, places[0]), _drawn(right, places[1]))
    images += NOISE * torch.randn(images.shape, generator=generator)
    offset = 100 / CANVAS * (places[1] - places[0])[:, 1]
    return images.clamp_(0, 1), offset


def _drawn(glyphs: Tensor, place: Tensor) -> Tensor:
    upright = torch.zeros(len(glyphs))
    return render(glyphs, upright, torch.full_like(upright, SIDE), place)


def _shuffled(rows: Tensor, size: int, generator: torch.Generator) -> Tensor:
    """Repeat each row equally often, as far as the size allows, in random order."""
    rounds = -(-size // len(rows))
    orders = [torch.randperm(len(rows), generator=generator) for _ in range(rounds)]
    return rows[torch.cat(orders)[:size]]
