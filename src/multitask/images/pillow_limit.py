"""Pillow's limit on the number of pixels of an image."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock

from PIL import Image


class _Limit:
    """The limit to restore, and how many threads have lifted it."""

    lock, users = Lock(), 0
    value: int | None = None


@contextmanager
def without_pillow_limit() -> Iterator[None]:
    """Lift Pillow's limit, so that it neither warns nor raises, until the last thread is done."""
    with _Limit.lock:
        if _Limit.users == 0:
            _Limit.value, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, None
        _Limit.users += 1
    try:
        yield
    finally:
        with _Limit.lock:
            _Limit.users -= 1
            if _Limit.users == 0:
                Image.MAX_IMAGE_PIXELS = _Limit.value
