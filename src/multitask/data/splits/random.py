"""Rows divided at random."""

from __future__ import annotations

import numpy as np
from pandas import DataFrame

from multitask.data.splits.base import Places, Shares
from multitask.data.splitting import random_split


class RandomSplit(Shares):
    """Divides rows at random.

    Args:
        val: fraction for validation, from 0, for none, to 1.
        test: fraction for the test set; the rest is for training.
    """

    def divide(self, table: DataFrame, seed: int) -> dict[str, Places]:
        size = len(table)
        fewest = 0 if self.absent() else 1
        counts = _count(self.val, size), _count(self.test, size)
        parts = random_split(size, *counts, seed, fewest)
        return {split: np.sort(rows.numpy()) for split, rows in parts.items()}


def _count(share: float, size: int) -> int:
    return max(1, round(share * size)) if share else 0
