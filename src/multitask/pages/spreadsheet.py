"""CSV files for people, who open them in spreadsheets: no cell is a formula.

A text that a spreadsheet would interpret as a formula is preceded by an apostrophe, which marks it
as
text. Numbers are unchanged. Files that this program reads again, such as ``metrics.csv`` and
``splits.csv``, are written without it, because their texts must be preserved.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pandas as pd

NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)(e[+-]?\d+)?|[+-]?(inf|nan)", re.IGNORECASE)
# Spreadsheets in other locales split cells at semicolons and tabs. Some treat the full-width signs
# of Japanese and Chinese keyboards like the ordinary ones.
SIGN = r"[^\S\t\r\n]*[=+\-@\uff1d\uff0b\uff0d\uff20]"
FORMULA = re.compile(rf"^(?=[\t\r\n])|(^|[;\t\r\n])(?={SIGN})")


def write_csv(table: pd.DataFrame, path: Path, index: bool = False) -> None:
    """Write a table.

    Args:
        table: the table to write.
        path: path of the file.
        index: whether to write the table's index as the first column, without a name.
    """
    frame = table.reset_index(names="") if index else table
    rows = frame.astype(object).where(frame.notna(), None).itertuples(index=False, name=None)
    write_rows([list(frame.columns), *rows], path)


def inert_table(table: pd.DataFrame) -> pd.DataFrame:
    """Convert a table so that none of its texts is a formula.

    Args:
        table: any table.
    """
    return table.map(inert).rename(columns=inert)


def write_rows(rows: Iterable[Iterable[Any]], path: Path) -> None:
    """Write rows; the first contains the column names.

    Args:
        rows: cells of each row.
        path: path of the file.
    """
    with path.open("w", newline="", encoding="utf-8", errors="backslashreplace") as file:
        csv.writer(file).writerows([inert(cell) for cell in row] for row in rows)


def inert(cell: Any) -> Any:
    """Convert a cell so that no spreadsheet interprets it as a formula.

    Args:
        cell: any value; texts that are not numbers are changed if they would be formulas.
    """
    if not isinstance(cell, str) or NUMBER.fullmatch(cell):
        return cell
    return FORMULA.sub(r"\1'", cell)
