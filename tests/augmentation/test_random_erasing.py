"""RandomErasing: which images, and which of their pixels."""

from __future__ import annotations

import pytest
import torch

from multitask.augmentation import RandomErasing
from multitask.augmentation.random_box import random_box
from multitask.errors import InputError


@pytest.mark.parametrize(("dtype", "fill"), [(torch.uint8, 255), (torch.float32, 1.0)])
def test_a_rectangle_is_painted_over(dtype: torch.dtype, fill: float) -> None:
    images, draws = torch.zeros(60, 3, 9, 14, dtype=dtype), torch.rand(60, 5)
    found = RandomErasing(p=0.4, fill=1.0)(images, draws)
    boxes = torch.stack(random_box(draws[:, 1:], 9, 14, (0.02, 0.33), (0.3, 3.3)), 1)
    for place, image in enumerate(images):
        left, top, width, height = boxes[place].long().tolist()
        if draws[place, 0] < 0.4:
            image[:, top : top + height, left : left + width] = fill
        assert torch.equal(found[place], image)
    assert 10 < sum(bool(image.any()) for image in found) < 40


def test_what_cannot_be_is_refused() -> None:
    with pytest.raises(InputError, match="p is 2; give a probability"):
        RandomErasing(p=2)
