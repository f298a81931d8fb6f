"""What is known of each image of a cache: its size before, its checksum, or why there is none."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, NamedTuple

from multitask.images.decoding import UnusableImage
from multitask.images.sealed_lines import is_sealed, sealed


class Entry(NamedTuple):
    """One image.

    Args:
        height: of the upright image before it was resized, in pixels; 0 where there is none.
        width: likewise.
        checksum: CRC-32 of its pixels in the cache.
        problem: why there is no image.
    """

    height: int = 0
    width: int = 0
    checksum: int = 0
    problem: UnusableImage | None = None

    def line(self, cache: str, place: int) -> str:
        """The entry as a line of JSON.

        Args:
            cache: name of the cache, for whose images alone the line holds.
            place: of the image in the cache.
        """
        values: list[Any] = [self.height, self.width, self.checksum]
        if self.problem is not None:
            values += [self.problem.kind, self.problem.reason]
        return sealed(values, f"{cache} {place}")


def read_index(path: Path, cache: str) -> list[Entry]:
    """All entries of a complete index.

    Raises:
        OSError: if it cannot be read.
        ValueError: if it is damaged.
    """
    text = path.read_text(encoding="utf-8")
    lines = text.splitlines()
    if text and not text.endswith("\n"):
        raise ValueError("its index breaks off")
    if _whole(lines, cache) < len(lines):
        raise ValueError("its index is not what was written")
    return _entries(lines)


def read_beginning(path: Path, cache: str) -> tuple[list[Entry], int]:
    """The entries of an index that may break off, up to the first that is not as it was written.

    Returns:
        The entries, and how many bytes they take.

    Raises:
        OSError: if it cannot be read.
    """
    lines = path.read_bytes().decode("utf-8", "replace").splitlines(keepends=True)
    if lines and not lines[-1].endswith("\n"):
        del lines[-1]
    lines = lines[: _whole([line[:-1] for line in lines], cache)]
    # JSON without any character beyond ASCII, so that there are as many bytes.
    return _entries(lines), sum(map(len, lines))


def _whole(lines: list[str], cache: str) -> int:
    """How many lines at the beginning are as they were written."""
    each = enumerate(lines)
    return next((n for n, line in each if not is_sealed(line, f"{cache} {n}")), len(lines))


def _entries(lines: list[str]) -> list[Entry]:
    # All lines at once, which is several times faster than one by one.
    return [_entry(*values) for values in json.loads(f"[{','.join(lines)}]")]


def _entry(height: int, width: int, checksum: int, *problem: str) -> Entry:
    # The last of them is the seal.
    unusable = UnusableImage(*problem[:2]) if len(problem) > 1 else None
    return Entry(height, width, checksum, unusable)
