"""What is known of each image of a cache: its size before, or why there is none."""

from __future__ import annotations

import json
from pathlib import Path
from typing import NamedTuple

from multitask.images.decoding import UnusableImage


class Entry(NamedTuple):
    """One image.

    Args:
        height: of the upright image before it was resized, in pixels; 0 where there is none.
        width: likewise.
        problem: why there is no image.
    """

    height: int = 0
    width: int = 0
    problem: UnusableImage | None = None

    def line(self) -> str:
        """The entry as a line of JSON."""
        values: dict[str, int | str] = {"height": self.height, "width": self.width}
        if self.problem is not None:
            values |= {"problem": self.problem.kind, "reason": self.problem.reason}
        return json.dumps(values) + "\n"


def read_index(path: Path) -> list[Entry]:
    """All entries of a complete index.

    Raises:
        OSError: if it cannot be read.
        ValueError: if it is damaged.
    """
    text = path.read_text(encoding="utf-8")
    if not text:
        return []
    if not text.endswith("\n"):
        raise ValueError("its index breaks off")
    # All lines at once, which is several times faster than one by one.
    return [_entry(values) for values in json.loads(f"[{','.join(text.splitlines())}]")]


def read_beginning(path: Path) -> tuple[list[Entry], int]:
    """The complete entries of an index that may break off, and their bytes.

    Raises:
        OSError: if it cannot be read.
    """
    entries: list[Entry] = []
    size = 0
    for line in path.read_bytes().splitlines(keepends=True):
        try:
            if not line.endswith(b"\n"):
                break
            entries.append(_entry(json.loads(line)))
        except ValueError:
            break
        size += len(line)
    return entries, size


def _entry(values: dict) -> Entry:
    try:
        if "problem" not in values:
            return Entry(values["height"], values["width"])
        return Entry(problem=UnusableImage(values["problem"], values["reason"]))
    except (KeyError, TypeError) as error:
        raise ValueError("its index is not what was written") from error
