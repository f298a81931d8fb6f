"""Boxes and points follow every augmentation: what is drawn at them moves where they move."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

import multitask.augmentation as room
from multitask.augmentation import (
    Augmentation,
    AugmentationSequence,
    ColorJitter,
    RandomAffine,
    RandomCrop,
    RandomErasing,
    RandomHorizontalFlip,
    RandomResizedCrop,
    RandomVerticalFlip,
)
from multitask.augmentation.text import TextAugmentation
from multitask.geometry import Boxes, Geometry, Landmarks, Positions

SIDE, SAMPLES = 64, 60
ALL: list[list[Augmentation]] = [
    [ColorJitter(0.2)],
    [RandomErasing(1.0, (0.01, 0.02))],
    [RandomCrop(8)],
    [RandomHorizontalFlip()],
    [RandomVerticalFlip()],
    [RandomResizedCrop((0.6, 1.0))],
    [RandomAffine(180, (0.1, 0.1), (0.8, 1.2))],
    [RandomHorizontalFlip(), RandomAffine(30), RandomCrop(4), RandomVerticalFlip()],
]
EVERY = pytest.mark.parametrize(
    "augmentations", ALL, ids=lambda each: "-".join(type(one).__name__ for one in each)
)


def test_none_is_forgotten() -> None:
    kinds = [getattr(room, name) for name in room.__all__]
    known = {type(each) for several in ALL for each in several}
    of_images = {
        each
        for each in kinds
        if issubclass(each, Augmentation) and not issubclass(each, TextAugmentation)
    }
    assert known == of_images - {Augmentation}


def followed(
    image: Tensor, target: Tensor, geometry: Geometry, augmentations: list[Augmentation]
) -> tuple[Tensor, Tensor]:
    batch = {"image": image, "@place": torch.arange(len(image)), "it": target}
    found = AugmentationSequence(augmentations, seed=3)(batch, {"it": geometry})
    return found["image"], found["it"]


def disc(points: Tensor, radius: float = 4.0) -> Tensor:
    """A bright disc with soft edges at each point ``[samples, points, 2]``, in a channel each."""
    at = torch.arange(SIDE) + 0.5
    x, y = points[..., None].unbind(2)
    apart = ((at - x).square()[..., None, :] + (at - y).square()[..., None]).sqrt()
    return (radius + 0.5 - apart).clamp(0, 1)


def middles(images: Tensor) -> Tensor:
    """Each channel's centre of what is bright, ``[samples, channels, 2]``."""
    at = torch.arange(SIDE) + 0.5
    bright = images.where(images > 0.3, 0)
    total = bright.sum((2, 3))
    across, down = (bright.sum(2) * at).sum(2) / total, (bright.sum(3) * at).sum(2) / total
    return torch.stack([across, down], 2)


@EVERY
def test_a_point_stays_on_what_is_drawn_at_it(augmentations: list[Augmentation]) -> None:
    points = 20 + 24 * torch.rand(SAMPLES, 3, 2)
    image, moved = followed(disc(points), points.flatten(1), Positions(), augmentations)
    moved = moved.unflatten(1, (-1, 2))
    # Whole discs alone; what is painted over has lost a part.
    inside = ((moved > 7) & (moved < SIDE - 7)).all(2)
    apart = (middles(image) - moved).norm(dim=2)[inside]
    assert inside.sum() > 100
    # Between pixels a disc is read with an error of some hundredths; a half if painted over.
    most = 2.0 if isinstance(augmentations[0], RandomErasing) else 0.15
    assert apart.max() < most
    assert apart.median() < 0.05


@EVERY
def test_left_and_right_change_places_in_mirror_images(augmentations: list[Augmentation]) -> None:
    points = 20 + 24 * torch.rand(SAMPLES, 2, 2)
    geometry = Landmarks([1, 0])
    image, moved = followed(disc(points), points.flatten(1), geometry, augmentations)
    _, same = followed(disc(points), points.flatten(1), Positions(), augmentations)
    # A clock's hand tells whether an image is mirrored: three points in a row.
    clock = torch.tensor([20.0, 20, 40, 20, 40, 40]).expand(SAMPLES, 6)
    _, turned = followed(image, clock, Positions(), augmentations)
    first, second, third = turned.unflatten(1, (-1, 2)).unbind(1)
    (ax, ay), (bx, by) = (second - first).unbind(1), (third - second).unbind(1)
    mirrored = ax * by - ay * bx < 0
    flips = sum("Flip" in type(each).__name__ for each in augmentations)
    assert (mirrored.any() and not mirrored.all()) == (flips > 0)
    swapped = same.unflatten(1, (-1, 2)).flip(1).flatten(1)
    assert torch.equal(moved, swapped.where(mirrored.unsqueeze(1), same))


@EVERY
def test_a_box_bounds_what_is_drawn_in_it(augmentations: list[Augmentation]) -> None:
    low = 18 + 10 * torch.rand(SAMPLES, 2).round()
    boxes = torch.cat([low, low + 8 + (10 * torch.rand(SAMPLES, 2)).round()], 1)
    at = torch.arange(SIDE) + 0.5
    left, top, right, bottom = boxes[:, :, None].unbind(1)
    across, down = (at > left) & (at < right), (at > top) & (at < bottom)
    image = (across[:, None] & down[:, :, None]).float().unsqueeze(1)
    image, moved = followed(image, boxes, Boxes(), augmentations)
    bright = image.squeeze(1) > 0.3
    rows, columns = bright.any(2).float(), bright.any(1).float()
    found = torch.stack(
        [
            columns.argmax(1),
            rows.argmax(1),
            SIDE - columns.flip(1).argmax(1),
            SIDE - rows.flip(1).argmax(1),
        ],
        1,
    ).float()
    inside = ((moved > 1) & (moved < SIDE - 1)).all(1)
    assert inside.sum() > 20
    apart = (found - moved)[inside].abs()
    turns = any(isinstance(each, RandomAffine | RandomResizedCrop) for each in augmentations)
    if isinstance(augmentations[0], RandomErasing):
        assert apart.median() == 0
    else:
        # The tip of a corner that is turned covers less than a third of its pixel.
        assert apart.max() < (1.3 if turns else 1e-3)
