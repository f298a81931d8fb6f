"""Rotated, scaled and shifted handwritten digits: classification with auxiliary regression."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import affine_grid, avg_pool2d, grid_sample

from multitask.data.base import DataModule
from multitask.data.dataset import BatchDataset, InMemory
from multitask.data.digits import TEST, VALIDATION, source_digits
from multitask.data.splitting import keep_labels_per_class, random_split
from multitask.errors import InputError, nearest
from multitask.geometry import Angle, Geometry, Length, PixelMap, Positions, Thumbnail
from multitask.missing_labels import missing_like

TASKS = ("digit", "angle", "scale", "position", "glyph")
MAPS = ("silhouette", "distance")
CANVAS = 24
SAMPLES = {"train": 2000, "val": 500, "test": 1500}
NOISE = 0.05
GLYPH_WIDTH = 4
INK = 0.5
"""Fraction of a digit's maximum brightness from which a pixel belongs to its strokes."""


class PosedDigits(DataModule):
    """Real handwritten digits posed on a canvas of 24x24 pixels, 2000 / 500 / 1500 images.

    Tasks: ``digit`` (10 classes), ``angle`` (degrees, clockwise positive, -30 to 30), ``scale``
    (side length of the digit in pixels, 12 to 20), ``position`` (2 numbers: pixels right and down
    of the centre, -3 to 3) and ``glyph`` (16 numbers: a thumbnail of 4x4 pixels of the clean
    upright digit). The splits share no source digit.

    Also two maps of the canvas if ``tasks`` names them: ``silhouette`` (a class per pixel: 0
    background, 1 a stroke of the digit) and ``distance`` (from each pixel to the nearest stroke
    pixel, in pixels), both of the clean digit.

    Args:
        tasks: names of the targets to include in batches.
        labels_per_class: number of training images of each class that keep their ``digit``;
            default: all; the other targets are always known.
        missing_pixels: fraction of the pixels of the training maps that are missing, from 0 to
            below 1, chosen at random for each map.
        unlabelled: those of ``tasks`` for which no training image has a label; validation and test
            images keep theirs.
        options: see `DataModule`.
    """

    def __init__(
        self,
        tasks: Sequence[str] = TASKS,
        labels_per_class: int | None = 10,
        missing_pixels: float = 0.0,
        unlabelled: Sequence[str] = (),
        **options: Any,
    ) -> None:
        super().__init__(**options)
        self.labelled_task = self.labelled_task or "digit"
        for task in tasks:
            if task not in (*TASKS, *MAPS):
                near = nearest(task, (*TASKS, *MAPS))
                raise InputError(f"tasks: PosedDigits has no task '{task}'{near}")
        if not 0 <= missing_pixels < 1:
            raise InputError(f"missing_pixels is {missing_pixels}; give a share from 0 to below 1")
        for task in unlabelled:
            if task not in tasks:
                near = nearest(task, tasks)
                raise InputError(f"unlabelled: '{task}' is not one of the tasks{near}")
        self.tasks, self.unlabelled = list(tasks), tuple(unlabelled)
        self.labels_per_class = labels_per_class
        self.missing_pixels = missing_pixels
        self._digits: dict[str, list[int]] = {}

    def own_geometry(self) -> dict[str, Geometry]:
        """Targets follow rotations, shifts and mirroring of the images."""
        return {
            "angle": Angle(zero="up"),
            "scale": Length(),
            "position": Positions(origin="centre"),
            "glyph": Thumbnail(GLYPH_WIDTH),
            "silhouette": PixelMap(),
            "distance": PixelMap(scaled=1),
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
            if not set(MAPS).isdisjoint(self.tasks):
                maps = pixel_maps(glyphs[rows], targets)
                share = self.missing_pixels if split == "train" else 0.0
                targets |= without_pixels(maps, share, self.seed)
            for task in self.unlabelled if split == "train" else ():
                targets[task] = missing_like(targets[task])
            inputs = self.seen(split, images, targets["angle"], rows)
            splits[split] = InMemory(inputs, {task: targets[task] for task in self.tasks})
            self._digits[split] = rows.tolist()
        return splits

    def seen(
        self, split: str, images: Tensor, angle: Tensor, rows: Tensor
    ) -> Tensor | dict[str, Tensor]:
        """Return the inputs of the samples: the images; a subclass may add others.

        Args:
            split: ``train``, ``val`` or ``test``.
            images: shape ``[samples, 1, 24, 24]``.
            angle: angle of each sample in degrees, shape ``[samples]``.
            rows: index of each sample's digit in `multitask.data.digits.source_digits`, shape
                ``[samples]``.
        """
        return images

    def groups(self, split: str) -> tuple[str, list[Any]]:
        """The source digits, by index, because each one is posed several times."""
        self.setup()
        return "handwritten digit", self._digits[split]


def pose(glyphs: Tensor, generator: torch.Generator) -> tuple[Tensor, dict[str, Tensor]]:
    """Draw each glyph at a random angle, size and position.

    Args:
        glyphs: shape ``[samples, 1, 8, 8]``, float32 from 0 to 1.
        generator: random number generator.

    Returns:
        Images ``[samples, 1, 24, 24]``, float32 from 0 to 1, and the targets of all tasks except
        the class.
    """

    def uniform(low: float, high: float, *shape: int) -> Tensor:
        return low + (high - low) * torch.rand(len(glyphs), *shape, generator=generator)

    angle, side, position = uniform(-30, 30), uniform(12, 20), uniform(-3, 3, 2)
    images = render(glyphs, angle * math.pi / 180, side, position)
    images += NOISE * torch.randn(images.shape, generator=generator)
    glyph = avg_pool2d(glyphs, 2).flatten(1)
    targets = {"angle": angle, "scale": side, "position": position, "glyph": glyph}
    return images.clamp_(0, 1), targets


def pixel_maps(glyphs: Tensor, targets: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Draw maps of the canvas for each posed glyph.

    Args:
        glyphs: shape ``[samples, 1, 8, 8]``, float32 from 0 to 1.
        targets: the result of `pose`: ``angle``, ``scale`` and ``position``.

    Returns:
        ``silhouette`` ``[samples, 24, 24]``, uint8, 1 on the strokes, and ``distance``, the
        Euclidean distance to the nearest stroke pixel, of the same shape, float32.
    """
    radians = targets["angle"] * math.pi / 180
    clean = render(glyphs, radians, targets["scale"], targets["position"]).squeeze(1)
    silhouette = clean >= INK * clean.amax((1, 2), keepdim=True)
    return {"silhouette": silhouette.byte(), "distance": distances(silhouette)}


def distances(strokes: Tensor) -> Tensor:
    """Compute the distance of each pixel to the nearest stroke pixel.

    The squares of Euclidean distances are minima over the rows of minima over the columns (Saito
    and Toriwaki, 1994), so they are exact integers.

    Args:
        strokes: mask, shape ``[samples, side, side]``, with at least one pixel in each sample.

    Returns:
        Distances in pixels, the same shape, float32.
    """
    place = torch.arange(strokes.shape[1])
    squares = (place[:, None] - place).square().float()
    far = torch.where(strokes, 0.0, torch.inf)
    in_row = (far.unsqueeze(2) + squares).amin(3)
    return (in_row.unsqueeze(1) + squares[:, :, None]).amin(2).sqrt()


def without_pixels(maps: Mapping[str, Tensor], share: float, seed: int) -> dict[str, Tensor]:
    """Mark pixels of maps as missing.

    Args:
        maps: maps by name, each ``[samples, height, width]``.
        share: probability that a pixel is missing, from 0 to 1.
        seed: the same seed removes the same pixels.
    """
    generator = torch.Generator().manual_seed(seed)
    return {
        name: torch.where(
            torch.rand(values.shape, generator=generator) < share, missing_like(values), values
        )
        for name, values in maps.items()
    }


def render(glyphs: Tensor, radians: Tensor, side: Tensor, position: Tensor) -> Tensor:
    """Draw each glyph on a separate canvas.

    Args:
        glyphs: shape ``[samples, 1, 8, 8]``.
        radians: clockwise rotation of each glyph, shape ``[samples]``.
        side: side length of each glyph in pixels, shape ``[samples]``.
        position: pixels right and down of the centre, shape ``[samples, 2]``.

    Returns:
        Images ``[samples, 1, 24, 24]``.
    """
    # The grid maps the canvas back to the glyph: shift, rotate, then scale, in units of half sides.
    cosine, sine, stretch = radians.cos(), radians.sin(), CANVAS / side
    turn = torch.stack([cosine, sine, -sine, cosine], 1).view(-1, 2, 2) * stretch.view(-1, 1, 1)
    shift = -turn @ (position * 2 / CANVAS).unsqueeze(2)
    grid = affine_grid(
        torch.cat([turn, shift], 2), [len(glyphs), 1, CANVAS, CANVAS], align_corners=False
    )
    return grid_sample(glyphs, grid, padding_mode="zeros", align_corners=False)
