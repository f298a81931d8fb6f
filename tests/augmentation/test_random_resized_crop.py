"""RandomResizedCrop: against torchvision, one image at a time."""

from __future__ import annotations

import pytest
import torch
from torchvision.transforms.v2 import functional

from multitask.augmentation import RandomResizedCrop
from multitask.augmentation.random_box import random_box
from multitask.errors import InputError

HEIGHT, WIDTH = 20, 30


def test_each_image_shows_an_enlarged_part() -> None:
    images, draws = torch.rand(20, 3, HEIGHT, WIDTH), torch.rand(20, 4)
    found = RandomResizedCrop((0.2, 1.0))(images, draws)
    boxes = torch.stack(random_box(draws, HEIGHT, WIDTH, (0.2, 1.0), (3 / 4, 4 / 3)), 1)
    for place, image in enumerate(images):
        left, top, width, height = boxes[place].long().tolist()
        expected = functional.resized_crop(
            image, top, left, height, width, [HEIGHT, WIDTH], antialias=False
        )
        # At the rim torchvision does not look at the pixels beside the rectangle.
        y, x = HEIGHT // height + 1, WIDTH // width + 1
        torch.testing.assert_close(
            found[place, :, y:-y, x:-x], expected[:, y:-y, x:-x], atol=1e-4, rtol=0
        )


def test_rectangles_have_the_areas_and_shapes_that_are_asked_for() -> None:
    draws = torch.rand(5000, 4)
    left, top, width, height = random_box(draws, 400, 500, (0.1, 0.4), (0.5, 2.0))
    area, shape = width * height / (400 * 500), width / height
    assert 0.09 < area.min() < 0.11
    assert 0.39 < area.max() < 0.41
    assert abs(float(area.mean()) - 0.25) < 0.01
    assert 0.49 < shape.min() < 0.52
    assert 1.92 < shape.max() < 2.03
    assert abs(float(shape.log().mean())) < 0.02
    for start, side, whole in ((left, width, 500), (top, height, 400)):
        assert start.min() == 0
        assert (start + side).max() == whole
        assert torch.equal(side, side.round())
        assert torch.equal(start, start.round())


def test_rectangles_are_cut_to_fit() -> None:
    left, top, width, height = random_box(torch.rand(50, 4), 10, 10, (1.0, 1.0), (4.0, 4.0))
    assert (left == 0).all()
    assert (width == 10).all()
    assert (height == 5).all()
    assert top.unique().tolist() == [0, 1, 2, 3, 4, 5]


def test_what_cannot_be_is_refused() -> None:
    with pytest.raises(InputError, match=r"scale is \[0.5, 1.5\]; .*above 0 and at most 1"):
        RandomResizedCrop((0.5, 1.5))
    with pytest.raises(InputError, match=r"ratio is \[2, 1\]; .*the smaller one first"):
        RandomResizedCrop(ratio=(2, 1))
