"""Rows divided so that each split has the same proportions of classes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

import numpy as np
from pandas import DataFrame

from multitask.data.splits.base import Places, Shares, column_of, texts
from multitask.errors import InputError

FEWEST = 3
Values = np.ndarray[Any, np.dtype[np.object_]]


class StratifiedSplit(Shares):
    """Divides rows at random, with the same proportions of a column's values in all splits.

    Rows without a value are divided in the same way. Every split has at least one row of each
    value, however rare the value is.

    Args:
        by: name of the column, which contains classes.
        val: fraction for validation, from 0, for none, to 1.
        test: fraction for the test set; the rest is for training.
    """

    def __init__(self, by: str, val: float = 0.15, test: float = 0.15) -> None:
        super().__init__(val, test)
        self.by = by

    def taking(self, share: float) -> StratifiedSplit:
        return StratifiedSplit(self.by, share, 0)

    def divide(self, table: DataFrame, seed: int) -> dict[str, Places]:
        values = np.array(texts(column_of(table, self.by, "split.by")), dtype=object)
        value, count = min(Counter(values).items(), key=lambda item: item[1])
        said = f"the value '{value}'" if value else "no value"
        if count < FEWEST:
            raise InputError(
                f"column '{self.by}' cannot be stratified: {count} row{'s have' * (count > 1)}"
                f"{' has' * (count == 1)} {said}; there must be at least {FEWEST}"
            )

        def choose(rows: Places, share: float, seed: int) -> Iterator[tuple[Places, Places]]:
            # The import needs memory and time.
            from sklearn.model_selection import StratifiedShuffleSplit

            splitter = StratifiedShuffleSplit(1, test_size=share, random_state=seed)
            yield from splitter.split(rows, values[rows])

        try:
            parts = self.in_two_steps(len(values), choose, seed)
            wanted = {name: rows for name, rows in parts.items() if name not in self.absent()}
            return parts | _with_every_value(wanted, values, np.random.default_rng(seed))
        except ValueError as error:
            raise InputError(f"column '{self.by}' cannot be stratified: {error}") from error


def _with_every_value(
    parts: dict[str, Places], values: Values, random: np.random.Generator
) -> dict[str, Places]:
    """Move a row to each split that lacks a value, from the split that has most of them."""
    for value in dict.fromkeys(values.tolist()):
        for split in parts:
            own = {name: rows[values[rows] == value] for name, rows in parts.items()}
            if len(own[split]) == 0:
                giver = max(own, key=lambda name: len(own[name]))
                row = random.choice(own[giver])
                parts[giver] = parts[giver][parts[giver] != row]
                parts[split] = np.sort(np.append(parts[split], row))
    return parts
