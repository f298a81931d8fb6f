"""RandomRotation: the target is the angle by which the image is turned."""

from __future__ import annotations

import math

import pytest
import torch
from torch.testing import assert_close

from multitask.data.computed import RandomRotation
from multitask.data.computed.random_rotation import turned
from multitask.data.dataset import InMemory
from multitask.errors import InputError
from multitask.geometry import Positions

QUARTER = torch.tensor([math.pi / 2])


def rotated(size: int = 6, seed: int = 0, degrees: float = 30) -> tuple[InMemory, InMemory]:
    generator = torch.Generator().manual_seed(1)
    images = torch.randint(256, (size, 3, 9, 9), dtype=torch.uint8, generator=generator)
    before = InMemory(images, {"class": torch.arange(size)})
    return before, RandomRotation(degrees)(before, seed, {})


def test_a_quarter_turn_is_clockwise() -> None:
    images = torch.arange(2 * 25).float().view(1, 2, 5, 5)
    assert_close(turned(images, QUARTER), images.rot90(-1, (2, 3)), atol=1e-4, rtol=0)


def test_a_wide_image_keeps_its_proportions() -> None:
    image = torch.zeros(1, 1, 7, 13)
    image[0, 0, 3, 6 + 2] = 1
    # Two pixels right of the middle come to lie two pixels below it.
    expected = torch.zeros(1, 1, 7, 13)
    expected[0, 0, 3 + 2, 6] = 1
    assert_close(turned(image, QUARTER), expected, atol=1e-5, rtol=0)


def test_corners_show_the_mirrored_image() -> None:
    image = torch.full((1, 1, 8, 8), 200, dtype=torch.uint8)
    assert (turned(image, torch.tensor([0.5])) == 200).all()


def test_each_image_is_turned_by_its_target() -> None:
    before, after = rotated(2000)
    angles = after.targets["rotation"]
    assert angles.dtype == torch.float32
    assert -30 <= angles.min() < -29
    assert 29 < angles.max() <= 30
    assert abs(angles.mean()) < 1.5
    assert torch.equal(after.targets["class"], before.targets["class"])
    assert "rotation" not in before.targets
    rows = torch.tensor([7, 3, 1999])
    expected = turned(before.images(rows), angles[rows] * math.pi / 180)
    assert torch.equal(after.images(rows), expected)
    assert after.images(rows).dtype == torch.uint8
    assert not torch.equal(after.images(rows), before.images(rows))
    # An image does not depend on those that it is read with.
    assert torch.equal(after.images(rows)[1:2], after.images(torch.tensor([3])))


def test_the_seed_decides() -> None:
    first, same, other = (rotated(seed=seed)[1].targets["rotation"] for seed in (0, 0, 1))
    assert torch.equal(first, same)
    assert not torch.equal(first, other)


def test_targets_turn_as_their_geometry_says() -> None:
    # So near to the middle that no corner shows it mirrored.
    images = torch.zeros(40, 1, 41, 51)
    images[:, 0, 14, 33] = 1
    before = InMemory(images, {"point": torch.tensor([[33.5, 14.5]]).repeat(40, 1)})
    after = RandomRotation(30)(before, 0, {"point": Positions()})
    for point, image in zip(after.targets["point"], after.images(torch.arange(40)), strict=True):
        down, right = divmod(int(image.argmax()), 51)
        assert (point - torch.tensor([right + 0.5, down + 0.5])).abs().max() <= 0.6


def test_targets_of_any_shape_and_precision_turn() -> None:
    points = torch.rand(3, 2, 2, dtype=torch.float64)
    before = InMemory(torch.zeros(3, 1, 9, 9), {"wide": points, "half": points.flatten(1).half()})
    turn = RandomRotation()(before, 0, {"wide": Positions(), "half": Positions()}).targets
    assert turn["wide"].shape == (3, 2, 2)
    assert turn["wide"].dtype == torch.float64
    assert turn["half"].dtype == torch.float16
    assert_close(turn["half"].double(), turn["wide"].flatten(1), atol=0.01, rtol=0)


def test_a_target_that_cannot_turn_is_named() -> None:
    before = InMemory(torch.zeros(2, 1, 4, 4), {"weight": torch.zeros(2)})
    with pytest.raises(InputError, match=r"data.geometry.weight: Positions are pairs"):
        RandomRotation()(before, 0, {"weight": Positions()})


def test_targets_that_would_not_turn_are_refused() -> None:
    before = InMemory(torch.zeros(2, 1, 4, 4), {"box": torch.zeros(2, 4)})
    with pytest.raises(InputError, match=r"RandomRotation .* 'box'"):
        RandomRotation()(before, 0, {})


@pytest.mark.parametrize("degrees", [0, -5, 181])
def test_degrees_are_an_angle(degrees: float) -> None:
    with pytest.raises(InputError, match=r"degrees is .*up to 180"):
        RandomRotation(degrees)
