"""Image files decoded by several threads, in chunks that are written at once."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from zlib import crc32

import numpy as np

from multitask.errors import InputError
from multitask.images.cache_state import Order
from multitask.images.decoding import UnusableImage
from multitask.images.digest import Stamp, file_stamp
from multitask.images.index import Entry
from multitask.images.ordered_threads import in_order

CHUNK = 8 * 2**20
"""Bytes of images that are written at once; an interrupted build loses less than this."""


def decoded_chunks(order: Order, first: int) -> Iterator[tuple[list[np.ndarray], list[Entry]]]:
    """Decode an order's files, in order.

    Args:
        order: the images of the cache.
        first: index of the first file.

    Yields:
        Pixels and entries of the next files, together `CHUNK` bytes or the remaining ones.

    Raises:
        InputError: if the system cannot read a file, or the file has changed.
    """
    images: list[np.ndarray] = []
    entries: list[Entry] = []
    per_chunk = max(1, CHUNK // order.image_bytes)
    # Enough that decoding continues while a chunk is written.
    ahead = min(1024, max(16, 2 * per_chunk))
    places = range(first, len(order.files))
    for image, entry in in_order(lambda place: decoded_image(order, place), places, ahead):
        images.append(image)
        entries.append(entry)
        if len(images) == per_chunk:
            yield images, entries
            images, entries = [], []
    if images:
        yield images, entries


def decoded_image(order: Order, place: int) -> tuple[np.ndarray, Entry]:
    """Decode one image.

    Args:
        order: the images of the cache.
        place: index of the file.

    Returns:
        Its pixels, black if the file cannot be decoded, and its entry.

    Raises:
        InputError: if the system cannot read the file, or the file has changed.
    """
    file = order.files[place]
    try:
        if place in order.digests.problems:
            raise order.digests.problems[place]
        image, size = order.decode(place)
        entry = Entry(*size)
    except UnusableImage as problem:
        image, entry = np.zeros(order.shape, np.uint8), Entry(problem=problem)
    except OSError as error:
        raise InputError(f"{file} could not be read: {error.strerror}") from error
    if place not in order.digests.problems and _stamp(file) != order.digests.stamps[place]:
        raise InputError(
            f"{file} changed while it was being read; start again when it no longer changes"
        )
    return image, entry._replace(checksum=crc32(image.data))


def _stamp(file: str | Path) -> Stamp | None:
    try:
        return file_stamp(file)
    except OSError:
        return None


@contextmanager
def silent_pillow() -> Iterator[None]:
    """Silence Pillow's warnings about files that it can read, such as about broken EXIF data."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", module=r"PIL\.")
        yield
