"""fit_matrices: points go where the decoder moves their pixels."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from multitask.data.fit_matrices import fit_matrices
from multitask.data.image_decoding import decode
from multitask.data.image_format import Fit, ImageFormat


@pytest.mark.parametrize("fit", ["stretch", "crop", "pad"])
@pytest.mark.parametrize(("height", "width"), [(120, 301), (260, 90), (100, 100)])
def test_a_square_lies_where_the_matrix_says(
    fit: Fit, height: int, width: int, tmp_path: Path
) -> None:
    pixels = np.zeros((height, width), np.uint8)
    middle = height // 2, width // 2
    pixels[middle[0] - 20 : middle[0] + 10, middle[1] - 30 : middle[1] + 20] = 255
    Image.fromarray(pixels).save(tmp_path / "image.png")
    format = ImageFormat(80, 110, channels=1, fit=fit)
    image, size = decode(tmp_path / "image.png", format)
    (matrix,) = fit_matrices(torch.tensor([size]), format)
    corners = torch.tensor(
        [[middle[1] - 30.0, middle[1] + 20.0], [middle[0] - 20.0, middle[0] + 10.0]]
    )
    expected = matrix[:, :2] @ corners + matrix[:, 2:]
    # The brightness says to a fraction of a pixel where edges lie.
    bright = image[0].astype(float) / 255
    for axis, (low, high) in enumerate(expected.tolist()):
        profile = bright.max(axis)
        assert profile.sum() == pytest.approx(high - low, abs=0.1)
        centre = (profile * (np.arange(len(profile)) + 0.5)).sum() / profile.sum()
        assert centre == pytest.approx((low + high) / 2, abs=0.1)
