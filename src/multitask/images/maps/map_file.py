"""Reading the values of a map file."""

from __future__ import annotations

import errno
import os
from math import prod
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from PIL import Image, UnidentifiedImageError

from multitask.images.decoding import UnusableImage
from multitask.images.pillow_limit import without_pillow_limit

UNREADABLE = "unreadable_map"
LOSSLESS = ("BMP", "GIF", "PNG", "TIFF", "WEBP", "PPM")
LOSSY = ("JPEG", "MPO")
OPENED = (*LOSSLESS, "JPEG")
"""Pillow opens an MPO under this format name."""
MOST_PIXELS = 2**27
"""Most pixels of a map; a file whose header specifies more is not read."""
MOST_NUMBERS = 3 * MOST_PIXELS
LONGEST_SIDE = 2**16
"""Longest side in pixels; resizing stores a weight for each pair of old and new pixels."""
ARCHIVE = b"PK"
HEADERS = {
    (1, 0): np.lib.format.read_array_header_1_0,
    (2, 0): np.lib.format.read_array_header_2_0,
}
"""Header readers by format version; later versions are for named fields, which maps lack."""


def read_map(file: Path, as_colours: bool = False) -> np.ndarray[Any, Any]:
    """Read a map.

    Args:
        file: a NumPy array (``.npy``), or an image in a lossless format. Pixels of a palette image
            are palette indices.
        as_colours: return the colours of a palette instead of its indices.

    Returns:
        Shape ``[height, width]``, or ``[height, width, channels]`` if there are several; bool,
        integers or floats.

    Raises:
        UnusableImage: if it is not a valid map file.
        OSError: if the system cannot read the file.
    """
    found = _array(file) if file.suffix.lower() == ".npy" else _pixels(file, as_colours)
    if found.ndim == 3 and found.shape[2] == 1:
        found = found[:, :, 0]
    if found.ndim not in (2, 3) or 0 in found.shape or found.dtype.kind not in "biuf":
        raise UnusableImage(
            UNREADABLE,
            f"it contains {found.dtype} of shape {list(found.shape)}; a map has numbers of shape "
            "[height, width], or [height, width, channels]",
        )
    return found


def _array(file: Path) -> np.ndarray[Any, Any]:
    with file.open("rb") as opened:
        if opened.read(len(ARCHIVE)) == ARCHIVE:
            raise UnusableImage(
                UNREADABLE, "it is an archive of arrays; save one array with numpy.save"
            )
        opened.seek(0)
        _check_header(opened)
        opened.seek(0)
        try:
            return np.lib.format.read_array(opened, allow_pickle=False)
        except (ValueError, EOFError, TypeError) as error:
            raise _no_array(error) from error


def _check_header(file: BinaryIO) -> None:
    """Refuse a header that would need more memory than its file has bytes."""
    try:
        version = np.lib.format.read_magic(file)
        if version not in HEADERS:
            raise ValueError(f"its format is {version[0]}.{version[1]}")
        shape, _, kind = HEADERS[version](file)
        size = prod(map(int, shape))
    except OSError:
        raise
    except Exception as error:
        # NumPy has Python parse the header, which raises many kinds of errors if it is damaged.
        raise _no_array(error) from error
    if size > MOST_NUMBERS or max(shape, default=0) > LONGEST_SIDE:
        raise UnusableImage(
            UNREADABLE,
            f"it has {size:,} numbers of shape {list(shape)}; a map may have at most "
            f"{MOST_NUMBERS:,}, and {LONGEST_SIDE:,} on a side",
        )
    left = os.fstat(file.fileno()).st_size - file.tell()
    if not kind.hasobject and size * kind.itemsize > left:
        raise UnusableImage(
            UNREADABLE, f"it is truncated: it has {left:,} of {size * kind.itemsize:,} bytes"
        )


def _no_array(error: Exception) -> UnusableImage:
    reason = " ".join(str(error).split())[:200] or type(error).__name__
    return UnusableImage(UNREADABLE, f"it is not a NumPy array ({reason})")


def _pixels(file: Path, as_colours: bool) -> np.ndarray[Any, Any]:
    try:
        with file.open("rb") as opened, without_pillow_limit():
            image = Image.open(opened, formats=OPENED)
            _refuse(image)
            return np.array(image.convert("RGB") if as_colours and image.mode == "P" else image)
    except UnidentifiedImageError:
        known = "PNG, TIFF, BMP, GIF, WebP, PGM or a NumPy array (.npy)"
        raise UnusableImage(UNREADABLE, f"it is not a map; give {known}") from None
    except (UnusableImage, MemoryError):
        raise
    except Exception as error:
        # Pillow raises many kinds of errors for a broken file; only system errors have a number.
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
    if width * height > MOST_PIXELS or max(width, height) > LONGEST_SIDE:
        raise UnusableImage(
            UNREADABLE,
            f"it has {height} x {width} pixels; a map may have at most {MOST_PIXELS:,}, and "
            f"{LONGEST_SIDE:,} on a side",
        )
