"""Scenes of several digits, for learning tasks of every kind together."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from multitask.data.base import DataModule
from multitask.data.dataset import BatchDataset, InMemory
from multitask.data.digits import CLASSES, TEST, VALIDATION, source_digits
from multitask.data.scene_rendering import (
    CANVAS,
    SEEN,
    SIDES,
    Cards,
    draw_scenes,
    place_cards,
)
from multitask.data.splitting import random_split
from multitask.errors import InputError, nearest
from multitask.geometry import (
    Angle,
    Boxes,
    BoxLists,
    Geometry,
    Landmarks,
    Normals,
    PixelMap,
    Unchanged,
)
from multitask.missing_labels import MISSING_CLASS, missing_like

TASKS = (
    "classes",
    "depth",
    "normals",
    "edges",
    "boxes",
    "box",
    "corners",
    "count",
    "present",
    "digit",
    "angle",
    "size",
    "tilt",
    "time",
)
SAMPLES = {"train": 1500, "val": 400, "test": 1000}
SIZES = 5
CENSORED_AFTER = 7 / 3
"""Mean time to censoring, in units of the scene's mean time to its event."""


class Scenes(DataModule):
    """Up to four cards with real handwritten digits, 48x48 pixels in colour, 1500 / 400 / 1000.

    A card is a white square with a digit and a dark bar above it. It is rotated by any angle,
    tilted by up to 40 degrees, and hides what is farther away. A red, a green and a blue light from
    three sides make its tilt visible, and fog its distance. The splits share no source digit.

    Tasks of the whole scene: ``count`` (number of cards), ``present`` (10 labels: which digits are
    present), ``time`` (2 numbers: a time whose expectation decreases with the number of cards and
    the size of the nearest one, and 1 if the event was observed or 0 if it was censored) and
    ``boxes`` (4 rows of class, left, top, right and bottom in pixels, see `multitask.geometry`;
    class -1 if there is no card). These tasks count a card if at least a quarter of it is visible.

    Tasks of the nearest card, missing if there is none: ``digit`` (10 classes), ``angle`` (degrees,
    clockwise, -180 to 180), ``size`` (5 ordered classes of its side), ``tilt`` (degrees between it
    and the view), ``box`` (left, top, right and bottom of its corners) and ``corners`` (8 numbers:
    x and y of its top left, top right, bottom right and bottom left corner, which may lie outside).

    Tasks of each pixel: ``classes`` (0 the wall, 1 to 10 a card with digit 0 to 9), ``depth``
    (metres), ``normals`` (3 numbers: x to the right, y down, z to the viewer) and ``edges`` (1 next
    to another card or the wall).

    Args:
        tasks: names of the targets to include in batches.
        labels: for each task, the fraction of the training scenes that keep their label, from 0 to
            1, drawn independently for each task; default: all.
        options: see `DataModule`.

    Raises:
        InputError: naming an unknown task or an invalid fraction.
    """

    def __init__(
        self,
        tasks: Sequence[str] = TASKS,
        labels: Mapping[str, float] | None = None,
        **options: Any,
    ) -> None:
        super().__init__(**options)
        for task in tasks:
            if task not in TASKS:
                raise InputError(f"tasks: Scenes has no task '{task}'{nearest(task, TASKS)}")
        for task, share in (labels or {}).items():
            if task not in tasks:
                near = nearest(task, tasks)
                raise InputError(f"labels: '{task}' is not one of the tasks{near}")
            if not 0 <= share <= 1:
                raise InputError(f"labels: the share of '{task}' is {share}; give one from 0 to 1")
        self.tasks, self.labels = list(tasks), dict(labels or {})

    def own_geometry(self) -> dict[str, Geometry]:
        """The visible geometry of a card moves with it; its class does not change."""
        return {
            "classes": PixelMap(),
            "depth": PixelMap(),
            "normals": Normals(),
            "edges": PixelMap(),
            "boxes": BoxLists(),
            "box": Boxes(),
            "corners": Landmarks([1, 0, 3, 2]),
            "angle": Angle(zero="up"),
            "count": Unchanged(),
            "present": Unchanged(),
            "tilt": Unchanged(),
            "time": Unchanged(),
        }

    def load(self) -> dict[str, BatchDataset]:
        glyphs, labels = source_digits()
        generator = torch.Generator().manual_seed(self.seed)
        splits: dict[str, BatchDataset] = {}
        for split, rows in random_split(len(glyphs), VALIDATION, TEST, self.seed).items():
            cards = place_cards(SAMPLES[split], len(rows), generator)
            drawn = draw_scenes(cards, glyphs[rows], generator)
            targets = scene_targets(cards, labels[rows], drawn)
            targets["time"] = event_times(targets["count"], cards, generator)
            image = drawn["image"]
            if split == "train":
                targets |= self._with_few_labels(targets)
            splits[split] = InMemory(image, {task: targets[task] for task in self.tasks})
        return splits

    def _with_few_labels(self, targets: Mapping[str, Tensor]) -> dict[str, Tensor]:
        found = {}
        for task, share in self.labels.items():
            target = targets[task]
            generator = torch.Generator().manual_seed(self.seed * len(TASKS) + TASKS.index(task))
            lost = torch.randperm(len(target), generator=generator)[round(share * len(target)) :]
            found[task] = target.clone()
            found[task][lost] = missing_like(target[lost])
        return found


def scene_targets(cards: Cards, labels: Tensor, drawn: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Compute all targets except the time.

    Args:
        cards: the cards of the scenes.
        labels: digits of the glyphs that the cards show, int64.
        drawn: the result of `multitask.data.scene_rendering.draw_scenes`.

    Returns:
        The targets by task, first axis ``[scenes]``, see `Scenes`.
    """
    digits, card = labels[cards.glyph], drawn["card"]
    counted = cards.exists & (drawn["visible"] >= SEEN)
    numbers = torch.cat([digits + 1, torch.zeros_like(digits[:, :1])], 1)
    present = torch.zeros(len(card), CLASSES, dtype=torch.int64)
    present.scatter_reduce_(1, digits, counted.long(), "amax")
    corners = cards.corners()
    bounds = torch.cat([corners.amin(2), corners.amax(2)], 2)
    rows = torch.cat([digits.unsqueeze(2), bounds.clamp(0, CANVAS)], 2)
    nothing = torch.tensor([-1.0, 0.0, 0.0, 0.0, 0.0])
    size = (cards.side[:, 0] - SIDES[0]) * (SIZES / (SIDES[1] - SIDES[0]))
    # At least a quarter of it is visible, because its centre is.
    is_there = cards.number > 0
    return {
        "classes": numbers.gather(1, card.flatten(1)).view_as(card).byte(),
        "depth": drawn["depth"],
        "normals": drawn["normals"],
        "edges": _edges(card),
        "boxes": rows.where(counted.unsqueeze(2), nothing),
        "box": bounds[:, 0].where(is_there.unsqueeze(1), math.nan),
        "corners": corners[:, 0].flatten(1).where(is_there.unsqueeze(1), math.nan),
        "count": counted.sum(1).float(),
        "present": present,
        "digit": digits[:, 0].where(is_there, MISSING_CLASS),
        "angle": cards.angle[:, 0].where(is_there, math.nan),
        "size": size.long().clamp(0, SIZES - 1).where(is_there, MISSING_CLASS),
        "tilt": (cards.normal[:, 0, 2].acos() * (180 / math.pi)).where(is_there, math.nan),
    }


def event_times(count: Tensor, cards: Cards, generator: torch.Generator) -> Tensor:
    """Draw the time of each scene's event or of its censoring.

    Args:
        count: number of cards that count, shape ``[scenes]``.
        cards: the cards of the scenes.
        generator: random number generator.

    Returns:
        Time, and 1 for an event or 0 for censoring, shape ``[scenes, 2]``, float32.
    """
    larger = (cards.side[:, 0] - SIDES[0]) / (SIDES[1] - SIDES[0])
    mean = 10 * (-0.4 * count - larger.where(cards.number > 0, 0.0)).exp()
    event, end = mean * torch.empty(2, len(count)).exponential_(generator=generator)
    end = CENSORED_AFTER * end
    return torch.stack([torch.minimum(event, end), (event <= end).float()], 1)


def _edges(card: Tensor) -> Tensor:
    """Mark pixels next to which another card is visible, uint8."""
    found = torch.zeros_like(card, dtype=torch.bool)
    across, down = card[:, :, 1:] != card[:, :, :-1], card[:, 1:] != card[:, :-1]
    found[:, :, 1:] |= across
    found[:, :, :-1] |= across
    found[:, 1:] |= down
    found[:, :-1] |= down
    return found.byte()
