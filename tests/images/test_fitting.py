"""Resizing, with PyTorch and without it."""

from __future__ import annotations

import sys

import numpy as np
import pytest
from PIL import Image

from multitask.images.fitting import fitted, inner_size
from multitask.images.format import ImageFormat


@pytest.mark.parametrize("fit", ["stretch", "crop", "pad"])
@pytest.mark.parametrize("mode", ["L", "RGB", "F"])
@pytest.mark.parametrize("size", [(301, 400), (7, 50), (1, 1), (24, 24)])
def test_pillow_resizes_as_pytorch_does(
    size: tuple[int, int], mode: str, fit: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    shape = (*size[::-1], 3) if mode == "RGB" else size[::-1]
    values = np.random.default_rng(0).integers(0, 256, shape)
    image = Image.fromarray(values.astype(np.float32 if mode == "F" else np.uint8))
    format = ImageFormat(24, 32, 3 if mode == "RGB" else 1, fit)  # type: ignore[arg-type]
    inner = inner_size(size[::-1], format)
    usual = fitted(image, inner, format)
    with monkeypatch.context() as changed:
        changed.setitem(sys.modules, "torch", None)
        found = fitted(image, inner, format)
    assert (found.dtype, found.shape) == (usual.dtype, usual.shape)
    assert np.abs(found.astype(float) - usual).max() <= (0.001 if mode == "F" else 1)
