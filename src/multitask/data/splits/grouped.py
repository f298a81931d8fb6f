"""Rows divided so that no group is in two splits."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from pandas import DataFrame

from multitask.data.split_check import SPLITS
from multitask.data.splits.base import Places, Shares, column_of, texts
from multitask.errors import InputError


class GroupedSplit(Shares):
    """Divides whole groups at random, so that no group, such as a patient, is in two splits.

    Args:
        by: the column that contains each row's group.
        val: fraction of the groups for validation, from 0, for none, to 1.
        test: fraction of the groups for the test set; the rest is for training.
        before: if given, the group is the part of a cell before this text, such as ``:`` in
            ``waving hand: light skin``.
    """

    def __init__(
        self, by: str, val: float = 0.15, test: float = 0.15, before: str | None = None
    ) -> None:
        super().__init__(val, test)
        self.by, self.before = by, before

    def taking(self, share: float) -> GroupedSplit:
        return GroupedSplit(self.by, share, 0, self.before)

    def groups(self, table: DataFrame) -> list[str]:
        """Return the group of each row, empty if its cell is empty.

        Args:
            table: a table with the column.
        """
        cells = texts(column_of(table, self.by, "split.by"))
        if self.before:
            cells = [each.split(self.before, 1)[0].strip() or each for each in cells]
        return cells

    def divide(self, table: DataFrame, seed: int) -> dict[str, Places]:
        groups = np.array(self.groups(table), dtype=object)
        if len(without := np.flatnonzero(groups == "")):
            raise InputError(
                f"row {table.index[without[0]]}, column '{self.by}': the cell is empty, but each "
                "row needs a group"
            )
        fewest = len(SPLITS) - len(self.absent())
        if (count := len(set(groups))) < fewest:
            raise InputError(
                f"column '{self.by}' has {count} group{'s' * (count != 1)}; there must be at "
                f"least {fewest}, one for each split"
            )

        def choose(rows: Places, share: float, seed: int) -> Iterator[tuple[Places, Places]]:
            # The import needs memory and time.
            from sklearn.model_selection import GroupShuffleSplit

            splitter = GroupShuffleSplit(1, test_size=share, random_state=seed)
            yield from splitter.split(rows, groups=groups[rows])

        try:
            return self.in_two_steps(len(groups), choose, seed)
        except ValueError as error:
            raise InputError(f"column '{self.by}' cannot be divided: {error}") from error
