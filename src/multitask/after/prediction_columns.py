"""Predictions as the columns of a table."""

from __future__ import annotations

from collections.abc import Mapping

from pandas import DataFrame
from torch import Tensor

from multitask.tasks import Task


def columns_of(tasks: Mapping[str, Task], predictions: Mapping[str, Tensor]) -> DataFrame:
    """Predictions of several tasks, a row for each sample.

    Args:
        tasks: by name.
        predictions: what each one's `predict` returned, first axis ``[samples]``.
    """
    columns: dict[str, list[object]] = {}
    for name, task in tasks.items():
        prediction = predictions[name]
        classes = task.class_names
        if classes is not None and prediction.ndim == 2:
            best = prediction.argmax(1).tolist()
            columns[name] = [classes[each] for each in best]
            columns[f"{name}.probability"] = prediction.max(1).values.tolist()
            for place, each in enumerate(classes):
                columns[f"{name}.probability.{each}"] = prediction[:, place].tolist()
        else:
            for column, values in task.columns(name, prediction).items():
                columns[column] = values.tolist()
    return DataFrame(columns)
