"""A table of which all rows are meant, whatever split they are of."""

from __future__ import annotations

from dataclasses import asdict

import numpy as np
from typing_extensions import override

from multitask.data import Table
from multitask.data.row_division import Places
from multitask.tables.cleaning import Cleaning
from multitask.tables.table_rows import TableRows

WHOLE = "test"
"""The one split that all rows are in."""
KEPT = ("duplicate_row", "equal_pixels")
LISTING = Cleaning(
    **{name: "keep" if name in KEPT else "skip" for name in asdict(Cleaning())}  # type: ignore[arg-type]
)
"""What cannot be used is left out and listed."""


class WholeTable(Table):
    """All rows of a table, whatever split they are of."""

    rows: TableRows

    @override
    def divide(self, rows: TableRows) -> dict[str, Places]:
        self.rows = rows
        return {WHOLE: np.arange(len(rows))}
