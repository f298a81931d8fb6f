"""Maps follow their images to the pixel."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from multitask.augmentation import (
    Augmentation,
    AugmentationSequence,
    RandomAffine,
    RandomCrop,
    RandomHorizontalFlip,
    RandomResizedCrop,
    RandomVerticalFlip,
)
from multitask.errors import InputError
from multitask.geometry import Geometry, PixelMap, Positions, Unchanged
from multitask.missing_labels import known, missing_mark

HEIGHT, WIDTH = 9, 12
NAN = float("nan")
MIRROR = [[-1.0, 0, WIDTH], [0, 1, 0]]
# A quarter turn clockwise of a square: up goes right, right goes down.
QUARTER = [[0.0, -1, HEIGHT], [1, 0, 0]]


def follow(geometry: Geometry, target: Tensor, matrix: list) -> Tensor:
    size = torch.tensor(target.shape[-2:]).float().expand(len(target), 2)
    return geometry.follow(target, torch.tensor(matrix).expand(len(target), 2, 3), size, size)


def classes(count: int = 6, dtype: torch.dtype = torch.int64) -> Tensor:
    generator = torch.Generator().manual_seed(0)
    return torch.randint(1, 100, (count, HEIGHT, WIDTH), generator=generator).to(dtype)


def augmented(maps: Tensor, *augmentations: Augmentation, image: Tensor | None = None) -> dict:
    shown = maps.unsqueeze(1).byte() if image is None else image
    batch = {"image": shown, "@place": torch.arange(len(maps)), "mask": maps}
    return AugmentationSequence(augmentations, seed=1)(batch, {"mask": PixelMap()})


@pytest.mark.parametrize("dtype", [torch.int64, torch.uint8, torch.float16, torch.float32])
def test_flips_and_crops_equal_the_images_to_the_pixel(dtype: torch.dtype) -> None:
    maps = classes(40, dtype)
    moves = (RandomHorizontalFlip(), RandomCrop(3), RandomVerticalFlip(), RandomHorizontalFlip())
    found = augmented(maps, *moves)
    mask = found["mask"]
    assert mask.dtype == dtype
    # No pixel is 0, but the padding of the images is.
    outside = found["image"].squeeze(1) == 0
    assert torch.equal(known(mask), ~outside)
    assert 0.05 < outside.float().mean() < 0.5
    assert torch.equal(mask[~outside], found["image"].squeeze(1)[~outside].to(dtype))


def test_a_turned_and_scaled_map_is_where_its_image_is() -> None:
    # A blob that is bright in the image and class 1 in the map.
    maps = torch.zeros(30, 32, 32, dtype=torch.int64)
    maps[:, 10:20, 14:26] = 1
    image = maps.unsqueeze(1).float()
    found = augmented(maps, RandomAffine(90, (0.1, 0.1), (0.7, 1.4)), image=image)
    bright = found["image"].squeeze(1)
    assert torch.equal(found["mask"][bright > 0.99], torch.ones_like(found["mask"])[bright > 0.99])
    assert not (found["mask"][bright < 0.01] == 1).any()
    found = augmented(maps, RandomResizedCrop((0.2, 0.8)), image=image)
    assert known(found["mask"]).all()
    bright = found["image"].squeeze(1)
    assert (found["mask"][bright > 0.99] == 1).all()
    assert not (found["mask"][bright < 0.01] == 1).any()


def test_one_sample_alone_equals_it_in_a_batch() -> None:
    maps, draws = torch.rand(16, 3, HEIGHT, WIDTH), torch.rand(16, 4)
    matrix = RandomAffine(180, (0.3, 0.3), (0.5, 2)).matrix(draws, HEIGHT, WIDTH)
    size = torch.tensor([[HEIGHT, WIDTH]]).float().expand(16, 2)
    geometry = PixelMap(scaled=-1, vector=True)
    whole = geometry.follow(maps, matrix, size, size)
    for row in range(16):
        one = slice(row, row + 1)
        alone = geometry.follow(maps[one], matrix[one], size[one], size[one])
        torch.testing.assert_close(alone, whole[one], atol=0, rtol=0, equal_nan=True)


def test_a_map_that_is_coarser_than_its_image_keeps_its_size() -> None:
    maps = classes()
    size = 4 * torch.tensor([[HEIGHT, WIDTH]]).float().expand(6, 2)
    matrix = torch.tensor([[-1.0, 0, 4 * WIDTH], [0, 1, 4]]).expand(6, 2, 3)
    found = PixelMap().follow(maps, matrix, size, size)
    assert torch.equal(found[:, 1:], maps.flip(2)[:, :-1])
    assert (found[:, 0] == -100).all()


def test_missing_pixels_stay_missing() -> None:
    for values in (classes(2), classes(2, torch.uint8), torch.rand(2, HEIGHT, WIDTH)):
        values[0, 2, 3] = missing_mark(values.dtype)
        found = follow(PixelMap(), values, MIRROR)
        assert known(found).sum() == found.numel() - 1
        assert not known(found)[0, 2, WIDTH - 4]


def test_a_flip_negates_the_x_of_vectors_and_twice_is_the_identity() -> None:
    vectors = torch.randn(5, 3, HEIGHT, WIDTH)
    vectors[0, :, 1, 2] = NAN
    vectors[1, :2, 0, 0] = 0
    once = follow(PixelMap(vector=True), vectors, MIRROR)
    expected = vectors.flip(3) * torch.tensor([-1.0, 1, 1]).view(1, 3, 1, 1)
    torch.testing.assert_close(once, expected, atol=0, rtol=0, equal_nan=True)
    twice = follow(PixelMap(vector=True), once, MIRROR)
    torch.testing.assert_close(twice, vectors, atol=0, rtol=0, equal_nan=True)


def test_a_quarter_turn_turns_vectors() -> None:
    vectors = torch.randn(2, 2, HEIGHT, HEIGHT)
    found = follow(PixelMap(vector=True), vectors, QUARTER)
    turned = vectors.rot90(-1, (2, 3))
    torch.testing.assert_close(found[:, 0], -turned[:, 1])
    torch.testing.assert_close(found[:, 1], turned[:, 0])


def test_vectors_keep_their_length() -> None:
    vectors = torch.randn(2, 2, HEIGHT, HEIGHT)
    stretch = [[3.0, 1, -8], [0, 1, 0]]
    found = follow(PixelMap(vector=True), vectors, stretch)
    same = follow(PixelMap(), vectors, stretch)
    torch.testing.assert_close(found.norm(dim=1), same.norm(dim=1), equal_nan=True)
    assert not torch.allclose(found.nan_to_num(), same.nan_to_num())


@pytest.mark.parametrize(("scaled", "factor"), [(-1, 0.5), (0, 1.0), (1, 2.0)])
def test_depths_shrink_and_disparities_grow_with_the_image(scaled: int, factor: float) -> None:
    values = torch.full((2, 1, HEIGHT, WIDTH), 6.0)
    twice = [[2.0, 0, 0], [0, 2, 0]]
    found = follow(PixelMap(scaled=scaled), values, twice)
    assert torch.equal(found, factor * values)


@pytest.mark.parametrize(
    ("geometry", "target", "message"),
    [
        (PixelMap(), torch.zeros(3), r"PixelMap has shape \[samples, height, width\].* 1 axis"),
        (PixelMap(), torch.zeros(3, 2), "targets have 2 axes"),
        (PixelMap(), torch.zeros(3, 2, 2).int(), "torch.int32 cannot be marked as missing"),
        (PixelMap(scaled=1), torch.zeros(3, 2, 2).long(), "scaled and vector are for floating"),
        (PixelMap(vector=True), torch.zeros(3, 2, 2), "vector is for maps with two channels"),
        (PixelMap(vector=True), torch.zeros(3, 1, 2, 2), "vector is for maps with two channels"),
        (Positions(), torch.zeros(3, 2, 2).long(), "Positions moves floating-point .*PixelMap"),
    ],
)
def test_targets_that_cannot_follow_are_refused(
    geometry: Geometry, target: Tensor, message: str
) -> None:
    batch = {"image": torch.rand(3, 1, 4, 4), "@place": torch.arange(3), "mask": target}
    if target.ndim == 1:
        batch["mask"] = target.float()
    made = AugmentationSequence([RandomCrop(1)], seed=0)
    with pytest.raises(InputError, match=f"data.geometry.mask: .*{message}"):
        made(batch, {"mask": geometry})


def test_scaled_is_checked() -> None:
    with pytest.raises(InputError, match="scaled is 2; give -1"):
        PixelMap(scaled=2)


def test_a_map_of_whole_numbers_must_say_how_it_follows() -> None:
    maps = classes(3)
    batch = {"image": maps.unsqueeze(1).float(), "@place": torch.arange(3), "mask": maps}
    made = AugmentationSequence([RandomHorizontalFlip(1.0)], seed=0)
    with pytest.raises(InputError, match=r"data.geometry.mask is missing.*Unchanged"):
        made(batch, {})
    assert torch.equal(made(batch, {"mask": Unchanged()})["mask"], maps)
    assert torch.equal(made(batch, {"mask": PixelMap()})["mask"], maps.flip(2))
