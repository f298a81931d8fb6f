"""Classes so rare that a random split may omit them from validation or test."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from multitask.data.splits.stratified import FEWEST
from multitask.inspection.table_targets import Target

SHARE = 0.15
"""Fraction of the rows that `init` assigns to validation and test each."""
RISK = 0.01
"""Probability that a split has no row of a class, from which the class counts as rare."""


@dataclass(frozen=True)
class RareClass:
    """A class with few rows.

    Args:
        column: name of its column.
        name: name of the class.
        rows: number of its rows.
        can_be_stratified: whether rows can be stratified by the column.
    """

    column: str
    name: str
    rows: int
    can_be_stratified: bool


def rarest_class(targets: Sequence[Target], rows: int) -> RareClass | None:
    """Find the rarest class, if one is rare, preferably in a column that allows stratification.

    Args:
        targets: the tasks of a table.
        rows: number of the table's rows.
    """
    found = [_rarest(each, rows) for each in targets if each.classes and len(each.columns) == 1]
    rare = [each for each in found if (1 - SHARE) ** each.rows > RISK]
    return min(rare, key=lambda each: (not each.can_be_stratified, each.rows), default=None)


def _rarest(target: Target, rows: int) -> RareClass:
    column, classes = target.columns[0], target.classes
    name = min(classes, key=lambda each: classes[each])
    # Rows without a class are divided like those of an additional class.
    groups = [*classes.values(), *([column.missing] if column.missing else [])]
    can_be = min(groups) >= FEWEST and len(groups) <= int(SHARE * rows)
    return RareClass(column.name, name, classes[name], can_be)
