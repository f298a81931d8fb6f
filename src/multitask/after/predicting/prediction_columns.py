"""Predictions as the columns of a table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pyarrow as pa
from pandas import DataFrame
from torch import Tensor

from multitask.tasks import Task
from multitask.tasks.base import Column
from multitask.tasks.predictions import task_columns

GIVEN = "given."
"""Prefix for a user's own column whose name would equal that of a column of predictions."""


def columns_of(tasks: Mapping[str, Task], predictions: Mapping[str, Tensor]) -> dict[str, Column]:
    """Predictions of several tasks by column, in the order of the tasks.

    Args:
        tasks: tasks by name.
        predictions: see `multitask.tasks.predictions.predicted`, first axis ``[samples]``.
    """
    columns: dict[str, Column] = {}
    for name, task in tasks.items():
        columns |= task_columns(name, task, predictions)
    return columns


def frame_of(tasks: Mapping[str, Task], predictions: Mapping[str, Tensor]) -> DataFrame:
    """Predictions of several tasks, a row for each sample.

    Args:
        tasks: tasks by name.
        predictions: see `columns_of`.

    Returns:
        The columns of `columns_of`; a task without columns, such as one of maps, has its pictures
        in the cells of one column: see `multitask.tasks.Task.picture`.
    """
    columns: dict[str, object] = {}
    for name, task in tasks.items():
        own = task_columns(name, task, predictions)
        has_own = bool(task.columns(name, predictions[name]))
        if not has_own and (pictures := task.picture(predictions[name])) is not None:
            columns[name] = list(pictures.cpu().numpy())
        for column, values in own.items():
            columns[column] = values.cpu().numpy() if isinstance(values, Tensor) else values
    return DataFrame(columns)


def arrow_column(values: Column, rows: Sequence[int], length: int) -> pa.Array:
    """A column with one cell per row, which is empty without a prediction.

    Args:
        values: values of the rows that have one.
        rows: indices of these rows, ascending.
        length: number of all rows.
    """
    cells = pa.array(values, pa.string()) if isinstance(values, list) else _numbers(values)
    if len(rows) == length:
        return cells
    places: list[int | None] = [None] * length
    for place, row in enumerate(rows):
        places[row] = place
    return cells.take(pa.array(places, pa.int64()))


def renamed(given: pa.Table, predicted: Sequence[str]) -> pa.Table:
    """Rename a user's own columns that have the name of a column of predictions.

    Args:
        given: the user's own columns.
        predicted: names of the columns of predictions.
    """
    taken = {*predicted, *given.column_names}
    names: list[str] = []
    for name in given.column_names:
        own = name
        if name in predicted:
            while own in taken:
                own = GIVEN + own
        names.append(own)
    return given.rename_columns(names)


def _numbers(values: Tensor) -> pa.Array:
    if values.is_floating_point() and values.element_size() < np.dtype(np.float32).itemsize:
        values = values.float()
    return pa.array(values.cpu().contiguous().numpy())
