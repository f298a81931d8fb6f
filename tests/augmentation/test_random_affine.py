"""RandomAffine: against torchvision, one image at a time."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torchvision.transforms.v2 import InterpolationMode, functional

from multitask.augmentation import RandomAffine
from multitask.errors import InputError


@pytest.mark.parametrize("fill", [0.0, 0.5])
def test_each_image_turns_scales_and_moves_as_torchvision_has_it(fill: float) -> None:
    images, draws = torch.rand(20, 3, 18, 26), torch.rand(20, 4)
    found = RandomAffine(60, (0.2, 0.1), (0.5, 2.0), fill)(images, draws)
    for place, image in enumerate(images):
        turn, right, down = (2 * draws[place, :3] - 1).tolist()
        expected = functional.affine(
            image - fill,
            angle=60 * turn,
            translate=[0.2 * 26 * right, 0.1 * 18 * down],
            scale=0.5 + 1.5 * float(draws[place, 3]),
            shear=[0.0, 0.0],
            interpolation=InterpolationMode.BILINEAR,
        )
        torch.testing.assert_close(found[place], expected + fill, atol=1e-4, rtol=0)


def test_without_a_range_nothing_changes() -> None:
    images, draws = torch.rand(5, 1, 8, 9), torch.rand(5, 4)
    torch.testing.assert_close(RandomAffine()(images, draws), images)
    assert torch.equal(RandomAffine().matrix(draws, 8, 9), torch.eye(2, 3).expand(5, 2, 3))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"degrees": -3}, "degrees is -3"),
        ({"translate": (0.1, 2)}, r"translate is \[0.1, 2\]; give two shares"),
        ({"scale": (2, 1)}, r"scale is \[2, 1\]; .* numbers above 0, the smaller one first"),
        ({"scale": (0, 1)}, r"scale is \[0, 1\]; give two finite numbers above 0"),
        ({"scale": (1, float("inf"))}, r"scale is \[1, inf\]; give two finite numbers above 0"),
        ({"fill": -1}, "fill is -1"),
    ],
)
def test_what_cannot_be_is_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        RandomAffine(**options)
