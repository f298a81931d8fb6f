"""Names of files that belong to images."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

LONGEST = 250
"""Most bytes of a name without suffix; most file systems allow 255 with it."""


def file_stems(names: Sequence[str], used: Sequence[bool] | None = None) -> list[str]:
    """Return a distinct file name, without suffix, for the files of each image.

    These are the images' names. If two images have the same name, ignoring case, or a name is
    invalid for a file, they are the images' numbers.

    Args:
        names: names or paths of the image files.
        used: whether each image gets files; default: all do.
    """
    stems = [Path(each).stem for each in names]
    known = [each for at, each in enumerate(stems) if used is None or used[at]]
    is_distinct = len({each.casefold() for each in known}) == len(known) and "" not in known
    fits = all(len(each.encode("utf-8", "surrogatepass")) <= LONGEST for each in known)
    return stems if is_distinct and fits else list(map(str, range(len(names))))
