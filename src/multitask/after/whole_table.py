"""A table that uses all of its rows, whatever split they belong to."""

from __future__ import annotations

from dataclasses import asdict

import numpy as np
from typing_extensions import override

from multitask.data import Table
from multitask.data.row_division import Places
from multitask.tables.cleaning import Cleaning
from multitask.tables.table_rows import TableRows
from multitask.tables.target_cells import blank

WHOLE = "test"
"""The single split that contains all rows."""
KEPT = ("duplicate_row", "equal_pixels")
OF_INPUTS = ("empty_file_name", "missing_input")


def listing(takes_missing: bool = False) -> Cleaning:
    """Cleaning policies that skip and list unusable rows.

    Args:
        takes_missing: whether samples without one of the inputs can be used.
    """
    kept = (*KEPT, *OF_INPUTS) if takes_missing else KEPT
    policies = {name: "keep" if name in kept else "skip" for name in asdict(Cleaning())}
    return Cleaning(**policies)  # type: ignore[arg-type]


class WholeTable(Table):
    """All rows of a table, whatever split they belong to."""

    rows: TableRows
    without_input = 0
    """Number of rows that are skipped because they have none of the inputs."""

    @override
    def divide(self, rows: TableRows) -> dict[str, Places]:
        has_input = np.array([file != "" for file in rows.files], dtype=bool)
        for each in self.written_inputs().values():
            for column in each.names:
                has_input |= blank(rows.table[column], each.missing).notna().to_numpy()
        self.rows, self.without_input = rows, int((~has_input).sum())
        return {WHOLE: np.flatnonzero(has_input)}

    @override
    def texts(self, split: str) -> dict[str, list[str]]:
        return super().texts(WHOLE)
