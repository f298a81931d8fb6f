"""What every way to divide rows shares."""

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
    """Divides the rows of a table, the same for the same seed."""

    @abstractmethod
    def divide(self, table: DataFrame, seed: int) -> dict[str, Places]:
        """Choose each row's split.

        Args:
            table: the rows to divide; the index is each row's number, as a person counts.
            seed: of the data.

        Returns:
            The places of the rows of ``train``, ``val`` and ``test``, ascending; none of a split
            that `absent` names. Also of ``meta``, if the table says which these are.

        Raises:
            InputError: if they cannot be divided so.
        """

    def absent(self) -> set[str]:
        """The splits that the settings leave out."""
        return set()

    def taking(self, share: float) -> Split | None:
        """How a share of the training rows is kept out as ``meta``, in the same way.

        Args:
            share: of the rows, between 0 and 1.

        Returns:
            What takes them as ``val``, and no ``test``; by default None, which means at random.
        """
        return None


class Shares(Split):
    """Splits by shares of the rows; the rest is for training.

    Args:
        val: share of validation, from 0 (no validation set) to 1.
        test: share of the test set, 0 for none.
    """

    def __init__(self, val: float = 0.15, test: float = 0.15) -> None:
        for name, share in (("val", val), ("test", test)):
            if not 0 <= share < 1:
                raise InputError(
                    f"{name} is {share}; give a share of the rows between 0 and 1, or 0 for none"
                )
        if val + test >= 1:
            raise InputError(
                f"val and test are {val} and {test}, which leaves nothing to train on; give less"
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
        """Take the test set out of all rows, then the validation set out of those that are left.

        Args:
            size: number of rows.
            choose: called with the rows to divide, a share of them and a seed; yields the places
                in them of what is left and of what is taken.
            seed: of the data.
        """
        rows = np.arange(size)
        # scikit-learn takes no larger seeds.
        seed %= LARGEST_SEED
        parts = [rows[:0]] * 3
        for place, share in ((2, self.test), (1, self.val / (1 - self.test))):
            if share:
                rest, taken = next(choose(rows, share, seed))
                parts[place], rows = rows[taken], rows[rest]
        parts[0] = rows
        return {split: np.sort(part) for split, part in zip(SPLITS, parts, strict=True)}


def column_of(table: DataFrame, name: str, setting: str) -> Series:
    """A column that a setting names.

    Raises:
        InputError: naming the nearest column, if there is none.
    """
    if name not in table:
        columns = [str(each) for each in table.columns]
        raise InputError(
            f"{setting} is '{name}', but there is no such column{nearest(name, columns)}"
        )
    return table[name]


def texts(cells: Series) -> list[str]:
    """Each cell as text, empty where missing."""
    missing = cells.isna()
    return ["" if gone else str(cell) for cell, gone in zip(cells, missing, strict=True)]
