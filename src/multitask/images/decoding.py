"""Decoding of image files to pixels of one size."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, suppress
from os import SEEK_END
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from PIL import Image, UnidentifiedImageError

from multitask.images.fitting import fitted, inner_size
from multitask.images.format import ImageFormat, Size
from multitask.images.pillow_limit import without_pillow_limit

FILE_FORMATS = ("BMP", "GIF", "JPEG", "PNG", "TIFF", "WEBP")
ORIENTATION, PHOTOMETRIC = 274, 262
WHITE_IS_ZERO = 0
TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
"""The operation that turns an image upright, by EXIF orientation."""
ON_ITS_SIDE = range(5, 9)


class UnusableImage(Exception):  # noqa: N818
    """A file that cannot be decoded.

    Args:
        kind: ``unreadable_image`` or ``huge_image``.
        reason: the reason in a few words.
    """

    def __init__(self, kind: str, reason: str) -> None:
        super().__init__(kind, reason)
        self.kind, self.reason = kind, reason

    def __str__(self) -> str:
        return self.reason


def decode(source: Path | BinaryIO, format: ImageFormat) -> tuple[np.ndarray, Size]:
    """Decode an image file.

    The image is turned upright according to its EXIF data. Transparency is blended with white.
    Colours are used as stored, without a colour profile. Of several frames or pages, the first is
    used.

    Args:
        source: a PNG, JPEG, WebP, TIFF, BMP or GIF file, as a path or an open file.
        format: the format to convert to.

    Returns:
        Pixels, uint8 ``[channels, height, width]``, and the original height and width of the
        upright image.

    Raises:
        UnusableImage: if the file is broken, is not an image, or has too many pixels.
        OSError: if the system cannot read the file.
    """
    opened = source.open("rb") if isinstance(source, Path) else nullcontext(source)
    with _told(), opened as file, without_pillow_limit():
        try:
            image = Image.open(file, formats=FILE_FORMATS)
        except UnidentifiedImageError:
            raise _unidentified(file) from None
        return _decoded(image, format)


def decode_image(image: Image.Image, format: ImageFormat) -> tuple[np.ndarray, Size]:
    """Convert a Pillow image as `decode` does for a file.

    Args:
        image: any image.
        format: the format to convert to.

    Raises:
        UnusableImage: if it cannot be converted.
    """
    with _told():
        return _decoded(image, format)


@contextmanager
def _told() -> Iterator[None]:
    try:
        yield
    except (UnusableImage, MemoryError):
        raise
    except Exception as error:
        # Pillow raises many kinds of errors for a broken file; only system errors have a number.
        # The system refuses to seek to an invalid position, which a broken file may contain.
        if isinstance(error, OSError) and error.errno not in (None, errno.EINVAL):
            raise
        told = getattr(error, "strerror", None) or str(error)
        reason = " ".join(told.split())[:200] or type(error).__name__
        raise UnusableImage("unreadable_image", reason) from error


def _unidentified(file: BinaryIO) -> UnusableImage:
    if file.seek(0, SEEK_END) == 0:
        return UnusableImage("unreadable_image", "the file is empty")
    known = ", ".join(FILE_FORMATS)
    return UnusableImage("unreadable_image", f"not an image, or not one of {known}")


def _decoded(image: Any, format: ImageFormat) -> tuple[np.ndarray, Size]:
    width, height = image.size
    if width * height > format.most_pixels:
        raise UnusableImage(
            "huge_image",
            f"{height} x {width} pixels are more than most_pixels, {format.most_pixels}",
        )
    orientation = _orientation(image)
    size = (width, height) if orientation in ON_ITS_SIDE else (height, width)
    if image.format in ("JPEG", "MPO"):
        _draft(image, inner_size(size, format), orientation)
    image.load()
    if image.format == "TIFF":
        size = image.height, image.width
    if orientation in TURNS:
        image = image.transpose(TURNS[orientation])
    pixels = fitted(_in_channels(image, format), inner_size(size, format), format)
    if pixels.dtype != np.uint8:
        pixels = np.floor(pixels + 0.5).astype(np.uint8)
    return np.broadcast_to(pixels, format.shape).copy(), size


def _orientation(image: Any) -> int:
    """Return the EXIF orientation; upright if it is damaged, and for TIFF, which Pillow turns."""
    if image.format != "TIFF":
        with suppress(Exception):
            return int(image.getexif().get(ORIENTATION, 1))
    return 1


def _draft(image: Any, inner: Size, orientation: int) -> None:
    """Decode a large JPEG at a smaller size, but at least twice the final size."""
    height, width = inner
    wanted = (height, width) if orientation in ON_ITS_SIDE else (width, height)
    image.draft(None, (2 * wanted[0], 2 * wanted[1]))


def _in_channels(image: Any, format: ImageFormat) -> Any:
    """Convert to 8-bit grey or colour, or to floats from 0 to 255 for 16-bit grey."""
    if image.mode.startswith("I;16"):
        return _grey_of_16_bits(image, format)
    if image.mode in ("I", "F"):
        name = "32-bit integers" if image.mode == "I" else "floating-point numbers"
        raise UnusableImage(
            "unreadable_image",
            f"its pixels are {name}; save them with 8 or 16 bits",
        )
    if image.has_transparency_data:
        white = Image.new("RGBA", image.size, "white")
        image = Image.alpha_composite(white, image.convert("RGBA"))
    mode = "L" if format.channels == 1 else "RGB"
    # Otherwise Pillow would copy the whole image.
    return image if image.mode == mode else image.convert(mode)


def _grey_of_16_bits(image: Any, format: ImageFormat) -> Any:
    if getattr(image, "tag_v2", {}).get(PHOTOMETRIC) == WHITE_IS_ZERO:
        raise UnusableImage("unreadable_image", "16-bit grey whose white is 0; save black as 0")
    values = np.asarray(image).astype(np.float32) * (255 / format.white)
    return Image.fromarray(np.minimum(values, 255))
