"""Detection of numeric columns, which are aligned and sorted as numbers."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence

from multitask.pages.blocks import Picture, Table, Text, parts, plain

# A number, alone or with additions: an interval, a star, a percent sign, brackets.
NUMBER = re.compile(
    r"(?P<number>[+\-\u2212]?(\d[\d,]*(\.\d*)?|\.\d+)(e[+-]?\d+)?|[+-]?inf)"
    r"( %)?( ± \S+)?\*?( %)?( \([^()]*\))?",
    re.IGNORECASE,
)
MISSING = ("", "nan", "-", "\u2013")


def number_of(cell: Text) -> float | None:
    """The number at the beginning of a cell, by which its row is sorted.

    Args:
        cell: a cell such as ``1,234``, ``0.71 ± 0.02*`` or ``30 (75 %)``.

    Returns:
        The number; None if the cell is empty or contains other text or a picture.
    """
    if any(isinstance(part, Picture) for part in parts(cell)):
        return None
    found = NUMBER.fullmatch(plain(cell).strip())
    if found is None:
        return None
    number = float(found["number"].replace(",", "").replace("\u2212", "-"))
    return None if math.isnan(number) else number


def numeric_columns(table: Table) -> list[bool]:
    """For each column, whether all of its non-empty cells are numbers.

    Args:
        table: any table; a column without any number does not count as numeric.
    """
    return [_is_numeric([row[at] for row in table.rows]) for at in range(len(table.heads))]


def _is_numeric(cells: Sequence[Text]) -> bool:
    known = [cell for cell in cells if not _is_missing(cell)]
    return bool(known) and all(number_of(cell) is not None for cell in known)


def _is_missing(cell: Text) -> bool:
    has_picture = any(isinstance(part, Picture) for part in parts(cell))
    return not has_picture and plain(cell).strip().lower() in MISSING
