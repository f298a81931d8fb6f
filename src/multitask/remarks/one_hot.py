"""One-hot columns: exactly one is 1 in each row, which makes one task with several classes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from pandas import Series

from multitask.remarks.written_numbers import number_of

FEWEST = 3


def one_hot(columns: Mapping[str, Series]) -> list[list[str]]:
    """Find neighbouring columns that together encode one of several classes.

    Args:
        columns: cells by name, in the table's order, None where missing; each of shape ``[rows]``.

    Returns:
        The names of the columns of each group.
    """
    found: list[list[str]] = []
    hot = {name: ones for name, cells in columns.items() if (ones := _ones(cells)) is not None}
    names = list(columns)
    start = 0
    while start < len(names):
        run = _run(names[start:], hot)
        if len(run) >= FEWEST:
            found.append(run)
        start += max(1, len(run))
    return found


def class_names(columns: Sequence[str]) -> list[str]:
    """Remove the common prefix of columns from their names: ``is_cat`` becomes ``cat``.

    Args:
        columns: the columns of one task.
    """
    shortest = min(columns, key=len)
    same = [at for at in range(len(shortest)) if len({each[: at + 1] for each in columns}) == 1]
    cut = max((at + 1 for at in same if shortest[at] in "_-. :"), default=0)
    return [each[cut:] for each in columns]


def one_hot_remark(columns: Sequence[str]) -> str:
    """Explain how to combine columns that are separate tasks.

    Args:
        columns: see `one_hot`.
    """
    listed = ", ".join(columns)
    return (
        f"the columns {listed} have a single 1 in each row, so they name one of "
        f"{len(columns)} classes; make them one target, with columns: [{listed}] and classes: "
        f"[{', '.join(class_names(columns))}]"
    )


def _ones(cells: Series) -> np.ndarray | None:
    values = [_number(each) for each in cells]
    if not all(each in (0.0, 1.0) for each in values):
        return None
    return np.array(values, dtype=np.int64)


def _number(cell: object) -> float | None:
    if isinstance(cell, bool | np.bool_):
        return float(cell)
    text = str(cell).strip().lower()
    return {"true": 1.0, "false": 0.0}.get(text, number_of(cell))


def _run(names: Sequence[str], hot: Mapping[str, np.ndarray]) -> list[str]:
    """Find the longest run from the first name on whose sums are 1 in every row."""
    total: np.ndarray | None = None
    for place, name in enumerate(names):
        if name not in hot or hot[name].all() or not hot[name].any():
            break
        total = hot[name] if total is None else total + hot[name]
        if (total > 1).any():
            break
        if (total == 1).all():
            return list(names[: place + 1])
    return []
