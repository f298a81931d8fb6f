"""Images that are new to a model, in any of the supported forms."""

from __future__ import annotations

from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from multitask.errors import InputError
from multitask.images.decoding import UnusableImage, decode, decode_image
from multitask.images.format import ImageFormat

Pixels = np.ndarray[Any, Any]
NewImage = str | Path | BinaryIO | Image.Image | Pixels | Tensor
CHANNELS = (1, 3, 4)


def pixels_of(image: NewImage, format: ImageFormat, place: int | None = None) -> Pixels:
    """Decode one image.

    Args:
        image: a path, an open file, a Pillow image, or an array: see
            `multitask.after.trained_model.TrainedModel.predict`.
        format: the required format.
        place: index of the image among several, for messages.

    Returns:
        uint8, shape ``[channels, height, width]``.

    Raises:
        InputError: if it cannot be read, with its name.
    """
    name = str(image) if isinstance(image, str | Path) else f"image {place or 0}"
    try:
        if isinstance(image, str | Path):
            return decode(Path(image), format)[0]
        if isinstance(image, Image.Image):
            return decode_image(image, format)[0]
        if isinstance(image, np.ndarray | Tensor):
            if _is_ready(image, format):
                return np.asarray(image)
            return decode_image(_drawn(image), format)[0]
        return decode(image, format)[0]
    except UnusableImage as error:
        raise InputError(f"{name}: {error.reason}") from error
    except OSError as error:
        raise InputError(f"{name}: {error.strerror or error}") from error


def _is_ready(image: Pixels | Tensor, format: ImageFormat) -> bool:
    """Whether an array is already in the required format."""
    is_bytes = image.dtype in (np.uint8, torch.uint8)
    return is_bytes and tuple(image.shape) == format.shape and image.shape[-1] not in CHANNELS


def _drawn(values: Pixels | Tensor) -> Image.Image:
    array = values.detach().cpu().numpy() if isinstance(values, Tensor) else values
    if array.ndim == 3 and array.shape[-1] not in CHANNELS and array.shape[0] in CHANNELS:
        array = array.transpose(1, 2, 0)
    if array.ndim == 3 and array.shape[-1] == 1:
        array = array[..., 0]
    if array.ndim != 2 and not (array.ndim == 3 and array.shape[-1] in CHANNELS):
        raise UnusableImage(
            "unreadable_image",
            f"an array of shape {tuple(array.shape)}; give [height, width], "
            "[height, width, channels] or [channels, height, width] of one image",
        )
    return Image.fromarray(np.ascontiguousarray(_as_bytes(array)))


def _as_bytes(array: Pixels) -> Pixels:
    if array.dtype == np.uint8:
        return array
    if array.dtype == bool:
        return array.astype(np.uint8) * 255
    is_floating = np.issubdtype(array.dtype, np.floating)
    if not is_floating or not array.size or not (array.min() >= 0 and array.max() <= 1):
        raise UnusableImage(
            "unreadable_image",
            f"an array of {array.dtype}"
            + (f" from {array.min():g} to {array.max():g}" if array.size else " without values")
            + "; give bytes from 0 to 255 (uint8), or floats from 0 to 1",
        )
    return np.floor(array * 255 + 0.5).astype(np.uint8)
