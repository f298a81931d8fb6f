"""Points go where the pixels go that they mark."""

from __future__ import annotations

from pathlib import Path
from typing import get_args

import numpy as np
import pytest
import torch
from PIL import Image

from multitask.images.decoding import decode
from multitask.images.format import Fit, ImageFormat
from multitask.images.resizing import resizing_matrices

SIZES = [(30, 30), (60, 24), (24, 60), (45, 50), (31, 17), (200, 5)]


def centre(pixels: np.ndarray) -> torch.Tensor:
    """The bright spot's middle: x and y, in pixels from the corner."""
    weights = torch.from_numpy(pixels[0].astype(np.float64))
    rows, columns = (torch.arange(length) + 0.5 for length in weights.shape)
    total = weights.sum()
    return torch.stack([(weights.sum(0) * columns).sum(), (weights.sum(1) * rows).sum()]) / total


@pytest.mark.parametrize("fit", get_args(Fit))
@pytest.mark.parametrize("size", SIZES[:5])
def test_a_spot_is_where_the_matrix_says(tmp_path: Path, size: tuple[int, int], fit: Fit) -> None:
    height, width = size
    pixels = np.zeros(size, np.uint8)
    pixels[height // 2 - 3 : height // 2, width // 2 : width // 2 + 3] = 255
    Image.fromarray(pixels).save(tmp_path / "a.png")
    format = ImageFormat(32, 48, channels=1, fit=fit)
    decoded, found = decode(tmp_path / "a.png", format)
    assert found == size
    (matrix,) = resizing_matrices(torch.tensor([size]), format)
    point = torch.tensor([width // 2 + 1.5, height // 2 - 1.5, 1.0], dtype=torch.float64)
    torch.testing.assert_close(matrix @ point, centre(decoded), atol=0.1, rtol=0)


@pytest.mark.parametrize("fit", get_args(Fit))
def test_matrices_are_of_each_image_alone(fit: Fit) -> None:
    format = ImageFormat(32, 48, fit=fit)
    together = resizing_matrices(torch.tensor(SIZES), format)
    assert together.shape == (len(SIZES), 2, 3)
    for size, matrix in zip(SIZES, together, strict=True):
        assert torch.equal(matrix, resizing_matrices(torch.tensor([size]), format)[0])
