"""Handwritten digits turned, scaled and shifted: classification with auxiliary regression."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import affine_grid, avg_pool2d, grid_sample

from multitask.data.base import DataModule
from multitask.data.dataset import BatchDataset, InMemory
from multitask.data.digits import TEST, VALIDATION, source_digits
from multitask.data.splitting import keep_labels_per_class, random_split
from multitask.errors import InputError, nearest
from multitask.geometry import Angle, Geometry, Length, Positions, Thumbnail

TASKS = ("digit", "angle", "scale", "position", "glyph")
CANVAS = 24
SAMPLES = {"train": 2000, "val": 500, "test": 1500}
NOISE = 0.05
GLYPH_WIDTH = 4


class PosedDigits(DataModule):
    """Real handwritten digits posed on a canvas of 24x24 pixels, 2000 / 500 / 1500 images.

    Tasks: ``digit`` (10 classes), ``angle`` (degrees, clockwise positive, -30 to 30), ``scale``
    (side of the digit in pixels, 12 to 20), ``position`` (2 numbers: pixels right and down of the
    centre, -3 to 3) and ``glyph`` (16 numbers: a thumbnail of 4x4 pixels of the clean upright
    digit). The splits share no source digit.

    Args:
        tasks: which targets the batches hold.
        labels_per_class: keep the ``digit`` of so many training images of each class, all where
            not given; the other targets are always known.
        options: see `DataModule`.
    """

    def __init__(
        self,
        tasks: Sequence[str] = TASKS,
        labels_per_class: int | None = 10,
        **options: Any,
    ) -> None:
        super().__init__(**options)
        self.labelled_task = self.labelled_task or "digit"
        for task in tasks:
            if task not in TASKS:
                raise InputError(f"tasks: PosedDigits have no '{task}'{nearest(task, TASKS)}")
        self.tasks = list(tasks)
        self.labels_per_class = labels_per_class

    def own_geometry(self) -> dict[str, Geometry]:
        """Turns, shifts and mirror images are seen in the targets as they are in the images."""
        return {
            "angle": Angle(zero="up"),
            "scale": Length(),
            "position": Positions(origin="centre"),
            "glyph": Thumbnail(GLYPH_WIDTH),
        }

    def load(self) -> dict[str, BatchDataset]:
        glyphs, labels = source_digits()
        generator = torch.Generator().manual_seed(self.seed)
        splits: dict[str, BatchDataset] = {}
        for split, rows in random_split(len(glyphs), VALIDATION, TEST, self.seed).items():
            rows = rows.repeat(-(-SAMPLES[split] // len(rows)))[: SAMPLES[split]]
            images, targets = pose(glyphs[rows], generator)
            targets["digit"] = labels[rows]
            if split == "train" and self.labels_per_class is not None:
                targets["digit"] = keep_labels_per_class(
                    labels[rows], self.labels_per_class, self.seed
                )
            splits[split] = InMemory(images, {task: targets[task] for task in self.tasks})
        return splits


def pose(glyphs: Tensor, generator: torch.Generator) -> tuple[Tensor, dict[str, Tensor]]:
    """Draw each glyph at a random angle, size and place.

    Args:
        glyphs: shape ``[samples, 1, 8, 8]``, float32 from 0 to 1.
        generator: source of the randomness.

    Returns:
        Images ``[samples, 1, 24, 24]``, float32 from 0 to 1, and the targets of all tasks but the
        class.
    """

    def uniform(low: float, high: float, *shape: int) -> Tensor:
        return low + (high - low) * torch.rand(len(glyphs), *shape, generator=generator)

    angle, side, position = uniform(-30, 30), uniform(12, 20), uniform(-3, 3, 2)
    images = render(glyphs, angle * math.pi / 180, side, position)
    images += NOISE * torch.randn(images.shape, generator=generator)
    glyph = avg_pool2d(glyphs, 2).flatten(1)
    targets = {"angle": angle, "scale": side, "position": position, "glyph": glyph}
    return images.clamp_(0, 1), targets


def render(glyphs: Tensor, radians: Tensor, side: Tensor, position: Tensor) -> Tensor:
    """Draw each glyph on a canvas of its own.

    Args:
        glyphs: shape ``[samples, 1, 8, 8]``.
        radians: how far each is turned clockwise, shape ``[samples]``.
        side: length of each glyph's side in pixels, shape ``[samples]``.
        position: pixels right and down of the centre, shape ``[samples, 2]``.

    Returns:
        Images ``[samples, 1, 24, 24]``.
    """
    # The grid maps the canvas back to the glyph: shift, turn, then stretch, in units of half sides.
    cosine, sine, stretch = radians.cos(), radians.sin(), CANVAS / side
    turn = torch.stack([cosine, sine, -sine, cosine], 1).view(-1, 2, 2) * stretch.view(-1, 1, 1)
    shift = -turn @ (position * 2 / CANVAS).unsqueeze(2)
    grid = affine_grid(
        torch.cat([turn, shift], 2), [len(glyphs), 1, CANVAS, CANVAS], align_corners=False
    )
    return grid_sample(glyphs, grid, padding_mode="zeros", align_corners=False)
