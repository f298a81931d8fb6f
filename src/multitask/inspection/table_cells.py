"""Missing cells and lists in a table."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

MISSING_WORDS = {"na", "n/a", "nan", "null", "-", "?", "#n/a"}


def missing_texts(table: pd.DataFrame) -> list[str]:
    """Return the texts that mark missing cells in a table, such as ``NA``, as written there.

    Args:
        table: the cells, as text or with types.
    """
    found = {
        cell
        for name in table.columns
        for cell in table[name]
        if isinstance(cell, str) and cell.lower() in MISSING_WORDS
    }
    return sorted(found)


def known_cells(column: pd.Series, missing: Sequence[str]) -> pd.Series:
    """Return the non-missing cells of a column, as objects.

    Args:
        column: its cells, as text or with a type.
        missing: texts that mark a missing cell, besides the empty one.
    """
    cells = column.dropna().astype(object)
    is_missing = [isinstance(each, str) and (not each or each in missing) for each in cells]
    return cells[[not each for each in is_missing]]


def list_length(cells: pd.Series) -> int:
    """Return the number of elements per cell, if all are lists of one length; otherwise 0.

    Args:
        cells: see `known_cells`.
    """
    lengths = {len(each) if isinstance(each, list | tuple | np.ndarray) else 0 for each in cells}
    return lengths.pop() if len(lengths) == 1 else 0
