"""What people read of raw outputs: predictions, and how uncertain they are."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor

from multitask.tasks.base import Column, Task
from multitask.tasks.naming import distinct
from multitask.tasks.output import Output

APART = ".uncertainty"
"""Put behind a task's name if a column of its uncertainty would be called like one of its own."""


def predicted(tasks: Mapping[str, Task], outputs: Mapping[str, Output]) -> dict[str, Tensor]:
    """Predictions of several tasks, and beside them how uncertain they are.

    Args:
        tasks: by name.
        outputs: raw head outputs by task.

    Returns:
        By task, what `Task.predict` returns; behind it, as ``<task>.<what>``, each entry of
        `Task.uncertainty`. Names of tasks have no dots.
    """
    found: dict[str, Tensor] = {}
    for name, output in outputs.items():
        found[name] = tasks[name].predict(output)
        for what, values in tasks[name].uncertainty(output).items():
            found[f"{name}.{what}"] = values
    return found


def uncertainty_of(name: str, predictions: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The entries of `predicted` that tell how uncertain one task's prediction is.

    Args:
        name: of the task.
        predictions: what `predicted` returned.

    Returns:
        By what it is, such as ``entropy``.
    """
    start = f"{name}."
    return {
        key.removeprefix(start): values
        for key, values in predictions.items()
        if key.startswith(start)
    }


def task_columns(name: str, task: Task, predictions: Mapping[str, Tensor]) -> dict[str, Column]:
    """Columns of one task in a table of predictions: `Task.columns`, then its uncertainty.

    Args:
        name: of the task.
        task: the task.
        predictions: what `predicted` returned, first axis ``[batch]``.

    Returns:
        Column name to values; of uncertainty ``digit.entropy``, ``angle.low``, or of a vector
        ``position.low.x``, by the elements' names. Uncertainty of maps has no columns.
    """
    own, entries = task.columns(name, predictions[name]), uncertainty_of(name, predictions)
    found = _uncertainty_columns(name, task, entries)
    while found.keys() & own.keys():
        # An element of a vector may be called like them, such as `low.x`.
        name += APART
        found = _uncertainty_columns(name, task, entries)
    return {**own, **found}


def _uncertainty_columns(name: str, task: Task, entries: Mapping[str, Tensor]) -> dict[str, Column]:
    found: dict[str, Column] = {}
    for what, values in entries.items():
        if values.ndim == 1:
            found[f"{name}.{what}"] = values
        elif values.ndim == 2 and values.shape[1] == 1:
            found[f"{name}.{what}"] = values[:, 0]
        elif values.ndim == 2:
            numbers = list(map(str, range(values.shape[1])))
            elements = distinct(getattr(task, "elements", None) or numbers)
            names = elements if len(elements) == len(numbers) else numbers
            each = zip(names, values.unbind(1), strict=True)
            found |= {f"{name}.{what}.{element}": column for element, column in each}
    return found
