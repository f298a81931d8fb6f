"""The base class of all ways to divide rows."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from pandas import DataFrame, Series

from multitask.data.split_check import SPLITS
from multitask.errors import InputError, nearest

Places = np.ndarray[Any, np.dtype[np.int64]]
LARGEST_SEED = 2**32


class Split(ABC):
    """Divides the rows of a table, identically for the same seed."""

    @abstractmethod
    def divide(self, table: DataFrame, seed: int) -> dict[str, Places]:
        """Choose the split of each row.

        Args:
            table: the rows to divide; the index holds the row numbers that messages use.
            seed: seed of the data.

        Returns:
            The ascending indices of the rows of ``train``, ``val`` and ``test``; none for a split
            that `absent` names. Also of ``meta``, if the table specifies its rows.

        Raises:
            InputError: if the rows cannot be divided in this way.
        """

    def absent(self) -> set[str]:
        """The splits that the settings omit."""
        return set()

    def taking(self, share: float) -> Split | None:
        """Return how a fraction of the training rows is held out as ``meta`` in the same way.

        Args:
            share: fraction of the rows, between 0 and 1.

        Returns:
            A split that takes them as ``val``, with no ``test``; default: None, which means at
            random.
        """
        return None


class Shares(Split):
    """Divides rows by fractions; the remaining rows are for training.

    Args:
        val: fraction for validation, from 0 (no validation set) to 1.
        test: fraction for the test set, 0 for none.
    """

    def __init__(self, val: float = 0.15, test: float = 0.15) -> None:
        for name, share in (("val", val), ("test", test)):
            if not 0 <= share < 1:
                raise InputError(
                    f"{name} is {share}; give a share of the rows between 0 and 1, or 0 for none"
                )
        if val + test >= 1:
            raise InputError(
                f"val and test are {val} and {test}, which leaves nothing for training; give less"
            )
        self.val, self.test = val, test

    def absent(self) -> set[str]:
        return {split for split in ("val", "test") if getattr(self, split) == 0}

    def in_two_steps(
        self,
        size: int,
        choose: Callable[[Places, float, int], Iterator[tuple[Places, Places]]],
        seed: int,
    ) -> dict[str, Places]:
        """Take the test set out of all rows, then the validation set out of the rest.

        Args:
            size: number of rows.
            choose: called with the rows to divide, a fraction of them and a seed; yields the
                indices of the remaining and of the chosen rows.
            seed: seed of the data.
        """
        rows = np.arange(size)
        # scikit-learn accepts no larger seeds.
        seed %= LARGEST_SEED
        parts = [rows[:0]] * 3
        for place, share in ((2, self.test), (1, self.val / (1 - self.test))):
            if share:
                rest, taken = next(choose(rows, share, seed))
                parts[place], rows = rows[taken], rows[rest]
        parts[0] = rows
        return {split: np.sort(part) for split, part in zip(SPLITS, parts, strict=True)}


def column_of(table: DataFrame, name: str, setting: str) -> Series:
    """Return the column that a setting names.

    Raises:
        InputError: naming the nearest column, if there is no such column.
    """
    if name not in table:
        columns = [str(each) for each in table.columns]
        raise InputError(
            f"{setting} is '{name}', but there is no such column{nearest(name, columns)}"
        )
    return table[name]


def texts(cells: Series) -> list[str]:
    """Convert each cell to text, empty if missing."""
    missing = cells.isna()
    return ["" if gone else str(cell) for cell, gone in zip(cells, missing, strict=True)]
