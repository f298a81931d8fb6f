"""Detection of columns that are the four numbers of a box, by names and cells."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

import numpy as np
import pandas as pd

FORMS: dict[str, tuple[tuple[str, ...], ...]] = {
    "xyxy": (
        ("xmin", "ymin", "xmax", "ymax"),
        ("left", "top", "right", "bottom"),
        ("x1", "y1", "x2", "y2"),
        ("x0", "y0", "x1", "y1"),
    ),
    "xywh": (
        ("x", "y", "w", "h"),
        ("x", "y", "width", "height"),
        ("xmin", "ymin", "width", "height"),
        ("left", "top", "width", "height"),
    ),
    "cxcywh": (("cx", "cy", "w", "h"), ("cx", "cy", "width", "height")),
}
"""Names of the columns without prefix, in the order of `multitask.tables.box_columns.WORDS`."""
FEWEST = 3
PIXELS = 2.0
"""Boxes with all numbers below this are probably not in pixels, but relative to the image."""


def boxes(table: pd.DataFrame, names: Sequence[str]) -> Iterator[tuple[str, list[str], str]]:
    """Find columns such as ``xmin, ymin, xmax, ymax`` or ``box_x, box_y, box_w, box_h``.

    The cells must also be boxes in pixels, with a width and a height in every row.

    Args:
        table: the cells.
        names: the columns that may belong to a box.

    Yields:
        A name for the box, its columns in order, and their format: see
        `multitask.tables.target_columns.TargetColumns`.
    """
    left = list(names)
    for form, sets in FORMS.items():
        for ends in sets:
            for before in dict.fromkeys(_before(name, ends[0]) for name in left):
                found = [_called(left, before, end) for end in ends] if before is not None else []
                if not found or None in found or not _are_boxes(table[found], form):
                    continue
                left = [name for name in left if name not in found]
                yield (before or "").strip("_.- ") or "box", [str(each) for each in found], form


def _before(name: str, end: str) -> str | None:
    """Return the prefix before the end of a column's name; None if the name ends otherwise."""
    match = re.fullmatch(rf"(.*?)(?<![A-Za-z]){_pattern(end)}", name, re.IGNORECASE)
    return match and match[1]


def _called(names: Sequence[str], before: str, end: str) -> str | None:
    pattern = re.escape(before) + _pattern(end)
    return next((name for name in names if re.fullmatch(pattern, name, re.IGNORECASE)), None)


def _pattern(end: str) -> str:
    # x_min equals xmin.
    return re.sub(r"^([xy])(min|max|\d)$", r"\1[_.-]?\2", end)


def _are_boxes(cells: pd.DataFrame, form: str) -> bool:
    numbers = cells.apply(pd.to_numeric, errors="coerce").to_numpy(dtype=np.float64)
    known = numbers[np.isfinite(numbers).all(1)]
    sizes = known[:, 2:] - known[:, :2] if form == "xyxy" else known[:, 2:]
    return len(known) >= FEWEST and bool((sizes > 0).all()) and known.max() > PIXELS
