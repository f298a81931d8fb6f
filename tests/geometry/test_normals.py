"""Surface normals follow; how they stand on the depth is in tests/augmentation."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torch.nn.functional import normalize

from multitask.augmentation import RandomAffine, RandomResizedCrop
from multitask.errors import InputError
from multitask.geometry import Normals

SIZE = torch.tensor([[8.0, 8.0]])


def normals(count: int = 6) -> Tensor:
    generator = torch.Generator().manual_seed(0)
    found = normalize(torch.randn(count, 3, 8, 8, generator=generator), dim=1)
    found[0, :, 1, 2] = torch.nan
    return found


def test_a_mirror_image_has_x_turned_round_and_twice_it_is_the_same() -> None:
    matrix = torch.tensor([[[-1.0, 0, 8], [0, 1, 0]]]).expand(6, 2, 3)
    size = SIZE.expand(6, 2)
    once = Normals().follow(normals(), matrix, size, size)
    expected = normals().flip(3) * torch.tensor([-1.0, 1, 1]).view(1, 3, 1, 1)
    torch.testing.assert_close(once, expected, equal_nan=True)
    assert int(once.isnan().sum()) == 3
    twice = Normals().follow(once, matrix, size, size)
    torch.testing.assert_close(twice, normals(), equal_nan=True)


@pytest.mark.parametrize("moves", [RandomAffine(180), RandomResizedCrop()], ids=["turn", "crop"])
def test_one_sample_alone_equals_it_in_a_batch(moves: RandomAffine | RandomResizedCrop) -> None:
    matrix, size = moves.matrix(torch.rand(6, 4), 8, 8), SIZE.expand(6, 2)
    whole = Normals().follow(normals(), matrix, size, size)
    for row in range(6):
        alone = Normals().follow(normals()[row : row + 1], matrix[row : row + 1], SIZE, SIZE)
        torch.testing.assert_close(alone, whole[row : row + 1], atol=0, rtol=0, equal_nan=True)


@pytest.mark.parametrize("target", [torch.zeros(2, 2, 8, 8), torch.zeros(2, 3, 8, 8).long()])
def test_other_maps_are_refused(target: Tensor) -> None:
    with pytest.raises(InputError, match=r"Normals are maps of x, y and z, floats of shape"):
        Normals().follow(target, torch.zeros(2, 2, 3), SIZE, SIZE)
