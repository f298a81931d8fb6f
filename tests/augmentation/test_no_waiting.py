"""Nothing here makes a GPU wait: no numbers are sent to it or read back while training."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from multitask.augmentation import (
    Augmentation,
    ColorJitter,
    DropTokens,
    MaskTokens,
    RandomAffine,
    RandomCrop,
    RandomErasing,
    RandomHorizontalFlip,
    RandomResizedCrop,
    RandomVerticalFlip,
)
from multitask.geometry import (
    Angle,
    Boxes,
    Geometry,
    Landmarks,
    Length,
    PixelMap,
    Positions,
    Thumbnail,
)

aten = torch.ops.aten
WAITING = {aten.lift_fresh, aten._local_scalar_dense, aten.nonzero, aten.equal}
"""Numbers of Python made a tensor, a tensor made a number, a shape that depends on values."""


class Refusing(TorchDispatchMode):
    """Fails where a GPU would wait."""

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        assert func.overloadpacket not in WAITING, func
        return func(*args, **kwargs or {})


@pytest.mark.parametrize(
    "geometry",
    [
        Angle(),
        Boxes(),
        Landmarks([1, 0, 2, 3]),
        Length(),
        Positions(),
        Positions("centre"),
        Thumbnail(2),
    ],
    ids=lambda each: type(each).__name__,
)
def test_targets_follow_without_waiting(geometry: Geometry) -> None:
    target, size = torch.rand(3, 8), torch.full((3, 2), 8.0)
    matrix = torch.rand(3, 2, 3)
    with Refusing():
        geometry.follow(target, matrix, size, size)


@pytest.mark.parametrize("dtype", [torch.uint8, torch.int64, torch.float32])
def test_maps_follow_without_waiting(dtype: torch.dtype) -> None:
    maps, size, matrix = (
        torch.ones(3, 2, 8, 8).to(dtype),
        torch.full((3, 2), 8.0),
        torch.rand(3, 2, 3),
    )
    is_floating = dtype == torch.float32
    geometry = PixelMap(scaled=-1 if is_floating else 0, vector=is_floating)
    with Refusing():
        geometry.follow(maps, matrix, size, size)


@pytest.mark.parametrize(
    "augmentation",
    [
        ColorJitter(0.1, 0.1, 0.1),
        RandomAffine(10),
        RandomCrop(2),
        RandomErasing(),
        RandomHorizontalFlip(),
        RandomResizedCrop(),
        RandomVerticalFlip(),
    ],
    ids=lambda each: type(each).__name__,
)
def test_images_change_without_waiting(augmentation: Augmentation) -> None:
    images, draws = torch.rand(3, 3, 8, 8), torch.rand(3, augmentation.draws)
    with Refusing():
        augmentation(images, draws)
        if augmentation.moves:
            augmentation.matrix(draws, 8, 8)


@pytest.mark.parametrize("augmentation", [DropTokens(0.5), MaskTokens(0.5, specials=[0, 1])])
def test_texts_change_without_waiting(augmentation: Augmentation) -> None:
    texts = torch.tensor([[0, 5, 6, -1]], dtype=torch.int32)
    with Refusing():
        augmentation(texts, torch.rand(1, 4))
