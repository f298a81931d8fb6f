"""What the files that belong to images are called."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

LONGEST = 250
"""Bytes of a name without its ending; most file systems take 255 with it."""


def file_stems(names: Sequence[str], used: Sequence[bool] | None = None) -> list[str]:
    """A file name for each image's own files, without an ending; no two are the same.

    They are the images' own, or the numbers of the images if two have one name, which capital
    letters alone do not make two, or if one has a name that no file can have.

    Args:
        names: of the images' files, or their paths.
        used: whether each image gets files; default: all do.
    """
    stems = [Path(each).stem for each in names]
    known = [each for at, each in enumerate(stems) if used is None or used[at]]
    is_distinct = len({each.casefold() for each in known}) == len(known) and "" not in known
    fits = all(len(each.encode("utf-8", "surrogatepass")) <= LONGEST for each in known)
    return stems if is_distinct and fits else list(map(str, range(len(names))))
