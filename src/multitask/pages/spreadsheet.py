"""CSV files for people, who open them in spreadsheets: no cell is a formula.

A text that a spreadsheet would take for a formula has an apostrophe before it there, which says
that it is text. Numbers stay as they are. Files that this program reads again, such as
``metrics.csv`` and ``splits.csv``, are not written this way, because their texts must come back.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pandas as pd

NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)(e[+-]?\d+)?|[+-]?(inf|nan)", re.IGNORECASE)
# Spreadsheets in other languages divide cells at semicolons and tabs; some take the wide forms of
# the signs, which Japanese and Chinese keyboards write, for the narrow ones.
SIGN = r"[^\S\t\r\n]*[=+\-@\uff1d\uff0b\uff0d\uff20]"
FORMULA = re.compile(rf"^(?=[\t\r\n])|(^|[;\t\r\n])(?={SIGN})")


def write_csv(table: pd.DataFrame, path: Path, index: bool = False) -> None:
    """Write a table.

    Args:
        table: what to write.
        path: of the file.
        index: whether the table's index is the first column, without a name.
    """
    frame = table.reset_index(names="") if index else table
    rows = frame.astype(object).where(frame.notna(), None).itertuples(index=False, name=None)
    write_rows([list(frame.columns), *rows], path)


def inert_table(table: pd.DataFrame) -> pd.DataFrame:
    """The same table, of which no text is a formula.

    Args:
        table: any.
    """
    return table.map(inert).rename(columns=inert)


def write_rows(rows: Iterable[Iterable[Any]], path: Path) -> None:
    """Write rows, of which the first has the columns' names.

    Args:
        rows: their cells.
        path: of the file.
    """
    with path.open("w", newline="", encoding="utf-8", errors="backslashreplace") as file:
        csv.writer(file).writerows([inert(cell) for cell in row] for row in rows)


def inert(cell: Any) -> Any:
    """A cell that no spreadsheet takes for a formula.

    Args:
        cell: any value; texts that are not numbers are changed where they would be formulas.
    """
    if not isinstance(cell, str) or NUMBER.fullmatch(cell):
        return cell
    return FORMULA.sub(r"\1'", cell)
