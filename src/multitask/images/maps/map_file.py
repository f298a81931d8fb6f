"""From a file of a map to its numbers, as they stand in the file."""

from __future__ import annotations

import errno
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, UnidentifiedImageError

from multitask.images.decoding import UnusableImage
from multitask.images.pillow_limit import without_pillow_limit

UNREADABLE = "unreadable_map"
LOSSLESS = ("BMP", "GIF", "PNG", "TIFF", "WEBP", "PPM")
LOSSY = ("JPEG", "MPO")
MOST_PIXELS = 2**27
"""Of a map; a file that says to have more is not read."""


def read_map(file: Path, as_colours: bool = False) -> np.ndarray[Any, Any]:
    """Read a map.

    Args:
        file: an array of NumPy (``.npy``), or an image in a format without loss. Pixels of an image
            with a palette are the places of their colours in it.
        as_colours: take the colours of a palette themselves.

    Returns:
        Shape ``[height, width]``, or ``[height, width, channels]`` if there are several; bool,
        whole numbers or floats.

    Raises:
        UnusableImage: if it is none of these.
        OSError: if the system does not hand over the file.
    """
    found = _array(file) if file.suffix.lower() == ".npy" else _pixels(file, as_colours)
    if found.ndim == 3 and found.shape[2] == 1:
        found = found[:, :, 0]
    if found.ndim not in (2, 3) or 0 in found.shape or found.dtype.kind not in "biuf":
        raise UnusableImage(
            UNREADABLE,
            f"it holds {found.dtype} of shape {list(found.shape)}; a map has numbers of shape "
            "[height, width], or [height, width, channels]",
        )
    return found


def _array(file: Path) -> np.ndarray[Any, Any]:
    try:
        found = np.load(file, allow_pickle=False)
    except (ValueError, EOFError) as error:
        reason = " ".join(str(error).split())[:200]
        raise UnusableImage(UNREADABLE, f"it is not a NumPy array ({reason})") from error
    if not isinstance(found, np.ndarray):
        raise UnusableImage(
            UNREADABLE, "it is an archive of arrays; save one array with numpy.save"
        )
    return found


def _pixels(file: Path, as_colours: bool) -> np.ndarray[Any, Any]:
    try:
        with file.open("rb") as opened, without_pillow_limit():
            image = Image.open(opened, formats=(*LOSSLESS, *LOSSY))
            _refuse(image)
            return np.array(image.convert("RGB") if as_colours and image.mode == "P" else image)
    except UnidentifiedImageError:
        known = "PNG, TIFF, BMP, GIF, WebP, PGM or a NumPy array (.npy)"
        raise UnusableImage(UNREADABLE, f"it is not a map: give {known}") from None
    except (UnusableImage, MemoryError):
        raise
    except Exception as error:
        # Pillow raises many kinds for a broken file; only the system's own errors have a number.
        if isinstance(error, OSError) and error.errno not in (None, errno.EINVAL):
            raise
        reason = " ".join(str(error).split())[:200] or type(error).__name__
        raise UnusableImage(UNREADABLE, reason) from error


def _refuse(image: Any) -> None:
    width, height = image.size
    if image.format in LOSSY:
        raise UnusableImage(
            UNREADABLE, "it is a JPEG, which changes the numbers of pixels; save maps as PNG"
        )
    if width * height > MOST_PIXELS:
        raise UnusableImage(
            UNREADABLE, f"it has {height} x {width} pixels; a map may have {MOST_PIXELS:,} at most"
        )
