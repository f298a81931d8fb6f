"""Rows divided by a column of the table."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from pandas import DataFrame

from multitask.data.split_check import ALL_SPLITS, SPLIT_NAMES, SPLITS
from multitask.data.splits.base import Places, Split, column_of, texts
from multitask.data.splits.random import RandomSplit
from multitask.errors import InputError, nearest
from multitask.tables.split_words import split_of_row

KNOWN = ("train", "val", "validation", "dev", "test", "meta")


class ByColumn(Split):
    """Uses a column with ``train``; ``val``, ``validation``, ``valid`` or ``dev``; and ``test``.

    Capitalisation and surrounding blanks are ignored. ``meta`` marks rows that are held out of
    training, from which a balancer such as `multitask.balancing.AutoLambda` learns.

    Args:
        column: name of the column.
        words: meanings of other cells, such as ``{'0': train, '1': test}``.
        val: if no row is for validation, the fraction of the training rows that is taken for it at
            random; 0 for no validation set.
        test: the same fraction for the test set.
    """

    def __init__(
        self,
        column: str = "split",
        words: Mapping[str, str] | None = None,
        val: float | None = None,
        test: float | None = None,
    ) -> None:
        self.column, self.words = column, dict(words or {})
        self.shares = {"val": val, "test": test}
        for word, split in self.words.items():
            if split not in ALL_SPLITS:
                raise InputError(f"words: '{word}' means '{split}'; give train, val, test or meta")
        # Its constructor refuses invalid fractions.
        RandomSplit(val or 0.0, test or 0.0)

    def absent(self) -> set[str]:
        return {split for split, share in self.shares.items() if share == 0}

    def divide(self, table: DataFrame, seed: int) -> dict[str, Places]:
        cells = texts(column_of(table, self.column, "split.column"))
        found = [split_of_row(each, self.words) if each.strip() else None for each in cells]
        for place, (cell, split) in enumerate(zip(cells, found, strict=True)):
            if split is None:
                what = f"{cell!r} is not a split" if cell.strip() else "the cell is empty"
                raise InputError(
                    f"row {table.index[place]}, column '{self.column}': {what}"
                    f"{nearest(cell, [*KNOWN, *self.words])}"
                )
        splits = np.array(found)
        parts = {split: np.flatnonzero(splits == split) for split in ALL_SPLITS}
        return self._completed(parts, table, seed)

    def _completed(
        self, parts: dict[str, Places], table: DataFrame, seed: int
    ) -> dict[str, Places]:
        if len(parts["train"]) == 0:
            raise InputError(f"column '{self.column}': no row belongs to 'train'")
        wanted: dict[str, float] = {}
        for split, share in self.shares.items():
            has = len(parts[split]) > 0
            setting = f"data.init_args.split.init_args.{split}"
            if has and share is not None:
                raise InputError(
                    f"column '{self.column}' has rows for {split}, but {setting} is {share:g}, "
                    f"which is for tables that have none; remove {split}"
                )
            if not has and share is None:
                raise InputError(
                    f"column '{self.column}': no row belongs to '{split}'; set {setting}=0 (with "
                    f"data.init_args.split=multitask.data.splits.ByColumn) to have no "
                    f"{SPLIT_NAMES[split]} set, or {setting}=0.15 to take that share of the "
                    "training rows"
                )
            wanted[split] = share or 0.0
        train = parts["train"]
        taken = RandomSplit(**wanted).divide(table.iloc[train], seed)
        found = parts | {
            split: train[taken[split]] for split in SPLITS if split == "train" or wanted[split]
        }
        return {split: found[split] for split in ALL_SPLITS if split in SPLITS or len(found[split])}
