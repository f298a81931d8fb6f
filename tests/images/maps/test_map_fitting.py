"""Maps are resized as their images are."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image
from torch.nn.functional import interpolate

from multitask.images.decoding import UnusableImage, decode_image
from multitask.images.format import ImageFormat
from multitask.images.maps.map_fitting import check_size, fitted_map

RNG = np.random.default_rng(0)
SIZES = [(20, 30), (41, 17), (9, 9), (20, 50)]


def smooth(height: int, width: int) -> np.ndarray:
    down, across = np.mgrid[:height, :width]
    return (110 + 90 * np.sin(across / width * 5) * np.cos(down / height * 4)).astype(np.float32)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("fit", ["stretch", "crop", "pad"])
def test_a_map_shows_what_its_image_shows(size: tuple[int, int], fit: str) -> None:
    format = ImageFormat(16, 24, 1, fit)
    values = smooth(*size)
    image, _ = decode_image(Image.fromarray(values.round().astype(np.uint8)), format)
    found = fitted_map(values[None], size, format, np.nan)[0]
    known = np.isfinite(found)
    assert known.all() == (fit != "pad" or size == (20, 30))
    assert not image[0][~known].any()
    classes = fitted_map(np.ones((1, *size), np.uint8), size, format, 255)[0]
    # Numbers are known as far as the middle of the last pixels, as classes are.
    assert (classes == np.where(known, 1, 255)).all()
    # A crop's border may look at what is outside of it.
    inner = (slice(2, -2), slice(2, -2))
    differs = np.abs(image[0].astype(float) - found)[inner]
    assert np.nanmax(differs) < 2.5


@pytest.mark.parametrize("size", SIZES)
def test_numbers_are_resized_as_torch_does_and_classes_to_the_nearest(
    size: tuple[int, int],
) -> None:
    format = ImageFormat(13, 19)
    numbers = RNG.normal(size=(2, *size)).astype(np.float32)
    expected = interpolate(
        torch.from_numpy(numbers)[None], (13, 19), mode="bilinear", antialias=True
    )[0]
    found = fitted_map(numbers, size, format, np.nan)
    np.testing.assert_allclose(found, expected, atol=2e-5)
    classes = RNG.integers(0, 9, (1, *size)).astype(np.uint8)
    nearest = interpolate(torch.from_numpy(classes)[None].double(), (13, 19), mode="nearest-exact")[
        0
    ]
    assert (fitted_map(classes, size, format, 255) == nearest.numpy()).all()


def test_only_known_numbers_count() -> None:
    values = np.array([[[1, 3, np.nan, 5], [1, 3, np.nan, np.nan]]], np.float32)
    found = fitted_map(values, (2, 4), ImageFormat(1, 2), np.nan)
    assert found.shape == (1, 1, 2)
    # The triangle reaches half a new pixel further on both sides, in the weights 3, 3 and 1.
    left = (3 * 1 + 3 * 3) / 6
    np.testing.assert_allclose(found[0, 0], [left, np.nan], rtol=1e-6)


def test_a_pixel_of_which_a_channel_is_missing_is_missing() -> None:
    values = np.ones((2, 4, 4), np.float32)
    values[0, :, :2] = np.nan
    found = fitted_map(values, (4, 4), ImageFormat(4, 4), np.nan)
    np.testing.assert_array_equal(np.isnan(found), np.broadcast_to([1, 1, 0, 0], (2, 4, 4)))


def test_what_keeps_its_size_is_kept_exactly() -> None:
    values = RNG.normal(size=(1, 7, 5)).astype(np.float32)
    values[0, 2, 2] = np.nan
    found = fitted_map(values, (7, 5), ImageFormat(7, 5), np.nan)
    np.testing.assert_array_equal(found, values)


def test_a_coarser_map_of_the_same_shape_is_laid_over_its_image() -> None:
    values = np.repeat(np.repeat(RNG.integers(0, 9, (1, 5, 7)), 2, 1), 2, 2).astype(np.uint8)
    for fit in ("stretch", "crop", "pad"):
        format = ImageFormat(20, 14, fit=fit)
        coarse = fitted_map(values[:, ::2, ::2], (10, 14), format, 255)
        assert (coarse == fitted_map(values, (10, 14), format, 255)).all()


@pytest.mark.parametrize("size", [(20, 30), (10, 15), (7, 10), (200, 300)])
def test_the_ratio_of_the_sides_may_be_rounded(size: tuple[int, int]) -> None:
    check_size(size, (20, 30))


@pytest.mark.parametrize("size", [(30, 20), (20, 20), (20, 32)])
def test_a_map_of_another_shape_is_refused(size: tuple[int, int]) -> None:
    with pytest.raises(UnusableImage, match="its image has 20 x 30") as info:
        check_size(size, (20, 30))
    assert info.value.kind == "other_size_map"
