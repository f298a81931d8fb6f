"""Predictions from raw outputs, with their uncertainty."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor

from multitask.tasks.base import Column, Task
from multitask.tasks.naming import distinct
from multitask.tasks.output import Output

APART = ".uncertainty"
"""Appended to a task's name if a column of its uncertainty would equal another of its columns."""


def predicted(tasks: Mapping[str, Task], outputs: Mapping[str, Output]) -> dict[str, Tensor]:
    """Predictions of several tasks, with their uncertainty.

    Args:
        tasks: tasks by name.
        outputs: raw head outputs by task.

    Returns:
        By task, the return value of `Task.predict`; then, as ``<task>.<what>``, each entry of
        `Task.uncertainty`. Names of tasks have no dots.
    """
    found: dict[str, Tensor] = {}
    for name, output in outputs.items():
        found[name] = tasks[name].predict(output)
        for what, values in tasks[name].uncertainty(output).items():
            found[f"{name}.{what}"] = values
    return found


def uncertainty_of(name: str, predictions: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Select the entries of `predicted` for the uncertainty of one task.

    Args:
        name: name of the task.
        predictions: the return value of `predicted`.

    Returns:
        By name, such as ``entropy``.
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
        name: name of the task.
        task: the task.
        predictions: the return value of `predicted`, first axis ``[batch]``.

    Returns:
        Column name to values; for the uncertainty ``digit.entropy``, ``angle.low``, or for a vector
        ``position.low.x``, with the elements' names. Uncertainties of maps have no columns.
    """
    own, entries = task.columns(name, predictions[name]), uncertainty_of(name, predictions)
    found = _uncertainty_columns(name, task, entries)
    while found.keys() & own.keys():
        # An element of a vector may have the same name, such as `low.x`.
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
