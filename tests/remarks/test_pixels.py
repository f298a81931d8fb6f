"""Checks of images' values, some of which are missing."""

from __future__ import annotations

import torch

from multitask.remarks.pixels import are_from_0_to_1, image_remarks

NAN = float("nan")


def test_missing_images_are_neither_odd_nor_normalised() -> None:
    images = torch.rand(4, 1, 3, 3)
    images[1] = NAN
    assert are_from_0_to_1(images)
    assert are_from_0_to_1(images[1])
    assert not are_from_0_to_1(torch.where(images > 0.5, -2.0, images))
    assert list(image_remarks(images)) == []
    assert list(image_remarks(images[1:2])) == []


def test_an_image_with_a_hole_is_odd() -> None:
    images = torch.rand(4, 1, 3, 3)
    images[1], images[2, 0, 0, 0] = NAN, NAN
    (remark,) = image_remarks(images)
    assert "some images contain NaN" in remark
