"""What holds for every augmentation: the matrix says where things go, each sample is its own."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from multitask.augmentation import (
    Augmentation,
    ColorJitter,
    RandomAffine,
    RandomCrop,
    RandomErasing,
    RandomHorizontalFlip,
    RandomResizedCrop,
    RandomVerticalFlip,
)
from multitask.augmentation.draws import uniforms

HEIGHT, WIDTH = 24, 40
MOVING = [
    RandomCrop(5),
    RandomHorizontalFlip(),
    RandomVerticalFlip(),
    RandomAffine(40, (0.15, 0.1), (0.8, 1.3)),
    RandomResizedCrop((0.5, 1)),
]
FIXED = [ColorJitter(0.5, 0.5, 0.5), RandomErasing()]


def named(augmentation: Augmentation) -> str:
    return type(augmentation).__name__


def changed(augmentation: Augmentation, images: Tensor, place: Tensor | None = None) -> Tensor:
    place = torch.arange(len(images)) if place is None else place
    return augmentation(images, *uniforms(0, place, [augmentation.draws]))


def pictures(count: int, dtype: torch.dtype = torch.uint8) -> Tensor:
    generator = torch.Generator().manual_seed(0)
    images = torch.randint(256, (count, 3, HEIGHT, WIDTH), generator=generator)
    return images.to(torch.uint8) if dtype == torch.uint8 else (images / 255).to(dtype)


def spots(points: Tensor) -> Tensor:
    """Images of a bright spot, ``[points, 1, HEIGHT, WIDTH]``, at places of shape ``[points, 2]``.

    Pixels are weighed by how near they are, so that the spot's centroid is the point.
    """
    x, y = torch.arange(WIDTH) + 0.5, torch.arange(HEIGHT) + 0.5
    across = (1 - (x - points[:, :1]).abs() / 2).clamp_min(0)
    down = (1 - (y - points[:, 1:]).abs() / 2).clamp_min(0)
    return (down[:, :, None] * across[:, None, :]).unsqueeze(1)


def centroids(images: Tensor) -> Tensor:
    weights = images[:, 0] / images.sum((1, 2, 3)).view(-1, 1, 1)
    x, y = torch.arange(WIDTH) + 0.5, torch.arange(HEIGHT) + 0.5
    return torch.stack([weights.sum(1) @ x, weights.sum(2) @ y], 1)


@pytest.mark.parametrize("augmentation", MOVING, ids=named)
def test_the_matrix_says_where_a_point_goes(augmentation: Augmentation) -> None:
    shares = torch.rand(200, 2, generator=torch.Generator().manual_seed(1))
    points = 4 + shares * (torch.tensor([WIDTH, HEIGHT]) - 8)
    draws = uniforms(0, torch.arange(200), [augmentation.draws])[0]
    images = augmentation(spots(points), draws)
    matrix = augmentation.matrix(draws, HEIGHT, WIDTH)
    assert matrix.dtype == torch.float32
    expected = (matrix[:, :, :2] @ points.unsqueeze(2)).squeeze(2) + matrix[:, :, 2]
    far = torch.tensor([WIDTH, HEIGHT]) - 4
    inside = ((expected > 4) & (expected < far)).all(1)
    assert inside.sum() > 50
    torch.testing.assert_close(centroids(images[inside]), expected[inside], atol=0.12, rtol=0)


@pytest.mark.parametrize("augmentation", FIXED, ids=named)
def test_what_moves_nothing_has_no_matrix(augmentation: Augmentation) -> None:
    assert not augmentation.moves
    with pytest.raises(NotImplementedError, match="needs a matrix"):
        augmentation.matrix(torch.rand(2, augmentation.draws), HEIGHT, WIDTH)


@pytest.mark.parametrize("dtype", [torch.uint8, torch.float32, torch.bfloat16, torch.float64])
@pytest.mark.parametrize("augmentation", [*MOVING, *FIXED], ids=named)
def test_dtype_and_size_stay(augmentation: Augmentation, dtype: torch.dtype) -> None:
    images = pictures(4, dtype)
    before = images.clone()
    found = changed(augmentation, images)
    assert found.dtype == dtype
    assert found.shape == images.shape
    assert torch.equal(images, before)
    # Bytes and floats show the same.
    scale = 255 if dtype == torch.uint8 else 1
    expected = changed(augmentation, pictures(4, torch.float32))
    torch.testing.assert_close(found.float() / scale, expected, atol=0.01, rtol=0)


@pytest.mark.parametrize("augmentation", [*MOVING, *FIXED], ids=named)
def test_equal_images_of_a_batch_become_different_ones(augmentation: Augmentation) -> None:
    found = changed(augmentation, pictures(1).expand(64, -1, -1, -1))
    different = len({bytes(image.flatten().tolist()) for image in found})
    if isinstance(augmentation, RandomHorizontalFlip | RandomVerticalFlip):
        assert different == 2
    elif isinstance(augmentation, RandomErasing):
        assert 20 < different < 45
    else:
        # A crop by 5 pixels has 121 places.
        assert different > 45


@pytest.mark.parametrize("dtype", [torch.uint8, torch.float32])
@pytest.mark.parametrize("augmentation", [*MOVING, *FIXED], ids=named)
def test_a_sample_does_not_depend_on_its_batch(
    augmentation: Augmentation, dtype: torch.dtype
) -> None:
    images = pictures(21, dtype)
    whole, places = changed(augmentation, images), torch.arange(21)
    for size in (1, 4, 7):
        parts = zip(images.split(size), places.split(size), strict=True)
        assert torch.equal(torch.cat([changed(augmentation, *part) for part in parts]), whole)
