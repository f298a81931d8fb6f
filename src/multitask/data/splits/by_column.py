"""Rows divided as a column of the table says."""

from __future__ import annotations

import numpy as np
from pandas import DataFrame

from multitask.data.split_check import SPLITS
from multitask.data.splits.base import Places, Split, column_of, texts
from multitask.errors import InputError, nearest

WORDS = {
    "train": "train",
    "val": "val",
    "validation": "val",
    "valid": "val",
    "dev": "val",
    "test": "test",
}


class ByColumn(Split):
    """Rows as a column says: ``train``; ``val``, ``validation``, ``valid`` or ``dev``; ``test``.

    Args:
        column: its name.
    """

    def __init__(self, column: str = "split") -> None:
        self.column = column

    def divide(self, table: DataFrame, seed: int) -> dict[str, Places]:
        words = texts(column_of(table, self.column, "split.column"))
        for place, word in enumerate(words):
            if word not in WORDS:
                raise InputError(
                    f"row {table.index[place]}, column '{self.column}': "
                    f"{f'{word!r} is no split' if word else 'the cell is empty'}"
                    f"{nearest(word, WORDS)}"
                )
        splits = np.array([WORDS[word] for word in words])
        parts = {split: np.flatnonzero(splits == split) for split in SPLITS}
        if empty := [split for split, rows in parts.items() if len(rows) == 0]:
            raise InputError(f"column '{self.column}': no row is for '{empty[0]}'")
        return parts
