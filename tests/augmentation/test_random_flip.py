"""Flips: as often as asked, and as torchvision does."""

from __future__ import annotations

import pytest
import torch
from torchvision.transforms.v2 import functional

from multitask.augmentation import Augmentation, RandomHorizontalFlip, RandomVerticalFlip
from multitask.errors import InputError

KINDS = {
    RandomHorizontalFlip: (functional.horizontal_flip, [[-1, 0, 7], [0, 1, 0]]),
    RandomVerticalFlip: (functional.vertical_flip, [[1, 0, 0], [0, -1, 5]]),
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("p", [0.0, 0.3, 1.0])
def test_some_images_are_mirrored(kind: type[Augmentation], p: float) -> None:
    images, draws = torch.rand(400, 3, 5, 7), torch.linspace(0, 1 - 2**-24, 400).unsqueeze(1)
    found, matrix = kind(p)(images, draws), kind(p).matrix(draws, *images.shape[2:])
    reference, mirror = KINDS[kind]
    flips = draws[:, 0] < p
    assert int(flips.sum()) == 400 * p
    for place, image in enumerate(images):
        assert torch.equal(found[place], reference(image) if flips[place] else image)
        expected = mirror if flips[place] else [[1, 0, 0], [0, 1, 0]]
        assert matrix[place].tolist() == expected


@pytest.mark.parametrize("kind", KINDS)
def test_p_is_a_probability(kind: type[Augmentation]) -> None:
    with pytest.raises(InputError, match=r"p is 1.5; give a probability"):
        kind(1.5)
