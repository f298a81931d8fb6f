"""Division of a table's rows into splits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from pandas import DataFrame

from multitask.data.split_check import ALL_SPLITS, META, SPLITS
from multitask.data.splits import ByColumn, RandomSplit, Split, given_split
from multitask.errors import InputError
from multitask.tables.table_rows import TableRows
from multitask.tables.table_sources import tables

Places = np.ndarray[Any, np.dtype[np.int64]]
SPLIT_COLUMN = "split"


@dataclass(frozen=True)
class RowDivision:
    """Determines the split of each row.

    Args:
        split: the configured division; default: by the column ``split`` or one that looks like it,
            or otherwise at random. If tables name their splits, it divides the training rows.
        meta: fraction of the training rows that is held out as ``meta``, if any.
        seed: the same seed gives the same splits.
        targets: columns that hold targets.
        inputs: columns that hold inputs, or name images.
    """

    split: Split | None
    meta: float | None
    seed: int
    targets: Sequence[str]
    inputs: Sequence[str]

    def divide(self, rows: TableRows) -> dict[str, Places]:
        """Divide rows.

        Args:
            rows: the rows that are used.

        Returns:
            By split, indices of its rows, int64; splits without rows are omitted.

        Raises:
            InputError: if the rows cannot be divided in this way.
        """
        if rows.sources[0].split is not None:
            parts = {
                split: np.flatnonzero(
                    np.isin(
                        rows.source,
                        [at for at, each in enumerate(rows.sources) if each.split == split],
                    )
                )
                for split in SPLITS
            }
            if self.split is not None:
                parts |= self._taken(rows.table, parts)
        else:
            try:
                split = self.split or self._given(rows.table) or RandomSplit()
                parts = dict(split.divide(rows.table, self.seed))
            except InputError as error:
                raise InputError(f"{rows.sources[0].table}: {error}") from error
        if self.meta is not None:
            parts |= self._kept_out(self.meta, rows, parts)
        return {split: parts[split] for split in ALL_SPLITS if len(parts.get(split, ()))}

    def _kept_out(
        self, share: float, rows: TableRows, parts: Mapping[str, Places]
    ) -> dict[str, Places]:
        """Return the training rows that are held out as ``meta``."""
        if len(parts.get(META, ())):
            raise InputError(
                f"{tables(rows.sources)}: the table has meta rows already, but data.init_args.meta "
                f"is {share:g}, which would select others; remove data.init_args.meta"
            )
        train = parts["train"]
        split = (self.split and self.split.taking(share)) or RandomSplit(share, 0)
        try:
            found = split.divide(rows.table.iloc[train], self.seed)
        except InputError as error:
            raise InputError(
                f"{tables(rows.sources)}: data.init_args.meta selects a share of the training "
                f"rows, but {error}"
            ) from error
        return {"train": train[found["train"]], META: train[found["val"]]}

    def _taken(self, table: DataFrame, parts: Mapping[str, Places]) -> dict[str, Places]:
        """Take rows of the training set for the splits that have no table."""
        train = parts["train"]
        found = dict(self.split.divide(table.iloc[train], self.seed)) if self.split else {}
        for split in ("val", "test"):
            if len(parts[split]) and len(found[split]):
                raise InputError(
                    f"split selects {split} rows from the training table, but {split} already has "
                    f"a table; set data.init_args.split.init_args.{split}=0"
                )
        return {split: train[rows] for split, rows in found.items() if len(rows)}

    def _given(self, table: DataFrame) -> Split | None:
        if SPLIT_COLUMN in table and SPLIT_COLUMN not in self.targets:
            return ByColumn(SPLIT_COLUMN)
        given = given_split(table, [*self.targets, *self.inputs])
        return None if given is None else given.split()
