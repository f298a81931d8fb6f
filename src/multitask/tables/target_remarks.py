"""Checks for common problems in the columns of a table's targets."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence

from pandas import Series

from multitask.geometry import Angle
from multitask.remarks.columns import column_remarks
from multitask.remarks.one_hot import one_hot, one_hot_remark
from multitask.remarks.radians import radians
from multitask.tables.target_columns import TargetColumns


def target_remarks(
    name: str, target: TargetColumns, cells: Mapping[str, Series], matched: Collection[str]
) -> Iterator[str]:
    """Run the checks of one target's columns.

    Args:
        name: name of the task.
        target: its columns.
        cells: cells by column, None if missing.
        matched: the values of its ``missing`` that occur in a cell, as texts.
    """
    if target.labels is None and (len(cells) == 1 or target.classes is None):
        for column, each in cells.items():
            for said in column_remarks(each.dropna(), target.classes is not None):
                if not (target.classes is not None and _is_hot(each)):
                    yield f"target '{name}', column '{column}': {said}"
    if isinstance(target.follows, Angle):
        for column, each in cells.items():
            if (remark := radians(each.dropna())) is not None:
                yield f"target '{name}', column '{column}': {remark}"
    for entry in map(str, target.missing):
        if entry not in matched:
            yield (
                f"target '{name}': missing lists '{entry}', but no cell of its columns contains "
                "it; write it as in the table, or remove it"
            )


def table_remarks(
    targets: Mapping[str, TargetColumns],
    cells: Mapping[str, Series],
    missing: Sequence[str | int | float],
    matched: Collection[str],
) -> Iterator[str]:
    """Run the checks of all targets' columns together.

    Args:
        targets: the targets by task.
        cells: cells by column, None if missing.
        missing: values that mark a missing cell in any column.
        matched: the values that occur in a cell, as texts.
    """
    for entry in map(str, missing):
        if entry not in matched:
            yield (
                f"missing lists '{entry}', but no cell of the targets contains it; write it as in "
                "the table, or remove it"
            )
    single = {
        name: cells[name]
        for each in targets.values()
        for name in each.names
        if len(each.names) == 1 and each.labels is None and cells[name].notna().all()
    }
    for names in one_hot(single):
        yield one_hot_remark(names)


def _is_hot(cells: Series) -> bool:
    return any(isinstance(each, list | tuple) or hasattr(each, "ndim") for each in cells)
