"""Handwritten digits turned, scaled and shifted: classification with auxiliary regression."""

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
from multitask.labels import missing_like

TASKS = ("digit", "angle", "scale", "position", "glyph")
MAPS = ("silhouette", "distance")
CANVAS = 24
SAMPLES = {"train": 2000, "val": 500, "test": 1500}
NOISE = 0.05
GLYPH_WIDTH = 4
INK = 0.5
"""Share of a digit's greatest brightness from which a pixel belongs to its strokes."""


class PosedDigits(DataModule):
    """Real handwritten digits posed on a canvas of 24x24 pixels, 2000 / 500 / 1500 images.

    Tasks: ``digit`` (10 classes), ``angle`` (degrees, clockwise positive, -30 to 30), ``scale``
    (side of the digit in pixels, 12 to 20), ``position`` (2 numbers: pixels right and down of the
    centre, -3 to 3) and ``glyph`` (16 numbers: a thumbnail of 4x4 pixels of the clean upright
    digit). The splits share no source digit.

    Besides these, two maps of the canvas if ``tasks`` names them: ``silhouette`` (a class for each
    pixel: 0 background, 1 a stroke of the digit) and ``distance`` (from each pixel to the nearest
    stroke's, in pixels), both of the clean digit.

    Args:
        tasks: which targets the batches hold.
        labels_per_class: keep the ``digit`` of so many training images of each class, all where
            not given; the other targets are always known.
        missing_pixels: share of the pixels of the training maps that are missing, from 0 to below
            1, each map's at random.
        unlabelled: those of ``tasks`` of which no training image has a label; validation and test
            images have theirs.
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
                raise InputError(f"tasks: PosedDigits have no '{task}'{near}")
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
        """Turns, shifts and mirror images are seen in the targets as they are in the images."""
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
        """What a model sees of the samples: the images; a subclass may add other inputs.

        Args:
            split: ``train``, ``val`` or ``test``.
            images: shape ``[samples, 1, 24, 24]``.
            angle: of each, in degrees, shape ``[samples]``.
            rows: which of `multitask.data.digits.source_digits` each shows, shape ``[samples]``.
        """
        return images

    def groups(self, split: str) -> tuple[str, list[Any]]:
        """Each handwritten digit is posed several times: its place among all."""
        self.setup()
        return "handwritten digit", self._digits[split]


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


def pixel_maps(glyphs: Tensor, targets: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Draw each glyph as it was posed, as maps of the canvas.

    Args:
        glyphs: shape ``[samples, 1, 8, 8]``, float32 from 0 to 1.
        targets: what `pose` returned: ``angle``, ``scale`` and ``position``.

    Returns:
        ``silhouette`` ``[samples, 24, 24]``, uint8, 1 on the strokes, and ``distance``, the
        Euclidean distance to the nearest stroke's pixel, the same shape, float32.
    """
    radians = targets["angle"] * math.pi / 180
    clean = render(glyphs, radians, targets["scale"], targets["position"]).squeeze(1)
    silhouette = clean >= INK * clean.amax((1, 2), keepdim=True)
    return {"silhouette": silhouette.byte(), "distance": distances(silhouette)}


def distances(strokes: Tensor) -> Tensor:
    """Measure how far each pixel is from the nearest stroke's pixel.

    The squares of Euclidean distances are minima over the rows of minima over the columns (Saito
    and Toriwaki, 1994), so they are exact whole numbers.

    Args:
        strokes: mask, shape ``[samples, side, side]``, at least one pixel in each.

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
        maps: by name, each ``[samples, height, width]``.
        share: of the pixels, from 0 to 1; each is missing with this probability.
        seed: the same seed takes the same pixels away.
    """
    generator = torch.Generator().manual_seed(seed)
    return {
        name: torch.where(
            torch.rand(values.shape, generator=generator) < share, missing_like(values), values
        )
        for name, values in maps.items()
    }


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
