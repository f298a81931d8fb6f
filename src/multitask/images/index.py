"""The index of cached images: original size, checksum, or why the image is missing."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, NamedTuple
from zlib import crc32

from multitask.images.decoding import UnusableImage
from multitask.images.sealed_lines import is_sealed, sealed

LARGEST = 2**32 - 1
"""Largest place number."""


class Entry(NamedTuple):
    """The entry of one image.

    Attributes:
        height: height of the upright image before resizing, in pixels; 0 if there is none.
        width: width, likewise.
        checksum: CRC-32 of its pixels in the cache.
        problem: why there is no image.
    """

    height: int = 0
    width: int = 0
    checksum: int = 0
    problem: UnusableImage | None = None

    def line(self, cache: str, place: int) -> bytes:
        """Format the entry as a line of JSON.

        Args:
            cache: name of the cache; the line is valid only for this cache.
            place: index of the image in the cache.
        """
        values: list[Any] = [self.height, self.width, self.checksum]
        if self.problem is not None:
            values += [self.problem.kind, self.problem.reason]
        return sealed(values, _place(cache, place))


def read_index(path: Path, cache: str) -> list[Entry]:
    """Read all entries of a complete index.

    Raises:
        OSError: if it cannot be read.
        ValueError: if it is damaged.
    """
    content = path.read_bytes()
    if content and not content.endswith(b"\n"):
        raise ValueError("its index is truncated")
    lines = content.split(b"\n")[:-1]
    if _whole(lines, cache) < len(lines):
        raise ValueError("its index was modified")
    return _entries(lines)


def read_beginning(path: Path, cache: str) -> tuple[list[Entry], int]:
    """Read the entries of an index that may be incomplete, up to the first damaged one.

    Returns:
        The entries, and their size in bytes.

    Raises:
        OSError: if it cannot be read.
    """
    # A part after the last line break is not a line.
    lines = path.read_bytes().split(b"\n")[:-1]
    lines = lines[: _whole(lines, cache)]
    return _entries(lines), sum(len(line) + 1 for line in lines)


def _whole(lines: list[bytes], cache: str) -> int:
    """Return how many lines at the beginning are as they were written."""
    first = _place(cache, 0)
    each = enumerate(lines)
    return next((n for n, line in each if not is_sealed(line, first + n & LARGEST)), len(lines))


def _place(cache: str, place: int) -> int:
    return crc32(cache.encode()) + place & LARGEST


def _entries(lines: list[bytes]) -> list[Entry]:
    # All lines at once, which is several times as fast as one by one.
    return [_entry(*values) for values in json.loads(b"[%b]" % b",".join(lines))]


def _entry(height: int, width: int, checksum: int, *problem: str) -> Entry:
    # The last value is the seal.
    unusable = UnusableImage(*problem[:2]) if len(problem) > 1 else None
    return Entry(height, width, checksum, unusable)
