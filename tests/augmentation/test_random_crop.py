"""RandomCrop: against padding and slicing, one image at a time."""

from __future__ import annotations

import pytest
import torch
from torch.nn.functional import pad

from multitask.augmentation import RandomCrop
from multitask.errors import InputError


@pytest.mark.parametrize("shape", [(1, 1, 1), (1, 5, 9), (3, 32, 32), (4, 7, 3)])
@pytest.mark.parametrize("padding", [1, 4])
@pytest.mark.parametrize("dtype", [torch.uint8, torch.float32])
def test_each_image_is_cut_out_of_its_padded_self(
    shape: tuple[int, int, int], padding: int, dtype: torch.dtype
) -> None:
    images = torch.randint(256, (30, *shape)).to(dtype)
    draws = torch.rand(30, 2)
    draws[0], draws[1] = 0, 1 - 2**-24
    crop = RandomCrop(padding, fill=1)
    found, matrix = crop(images, draws), crop.matrix(draws, *images.shape[2:])
    height, width = shape[1:]
    lefts = set()
    for place, image in enumerate(images):
        left, top = (draws[place] * (2 * padding + 1)).long().tolist()
        lefts.add(left)
        fill = 255 if dtype == torch.uint8 else 1
        padded = pad(image, [padding] * 4, value=fill)
        assert torch.equal(found[place], padded[:, top : top + height, left : left + width])
        shift = [[1, 0, padding - left], [0, 1, padding - top]]
        assert matrix[place].tolist() == shift
    assert {0, 2 * padding} <= lefts


@pytest.mark.parametrize(
    ("arguments", "message"),
    [((0,), "padding is 0; give at least 1 pixel"), ((2, 200.0), "fill is 200")],
)
def test_what_cannot_be_is_refused(arguments: tuple, message: str) -> None:
    with pytest.raises(InputError, match=message):
        RandomCrop(*arguments)
