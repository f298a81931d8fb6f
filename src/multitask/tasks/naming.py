"""Validation of the names of tasks, also against the data."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from torch import Tensor, nn

from multitask.errors import InputError, nearest
from multitask.tasks.base import Task

TAKEN_IN_BATCHES = ("image", "index")
SPLIT_WORDS = {"train": "training", "val": "validation", "test": "test", "meta": "meta"}
TAKEN_IN_PREDICTIONS = ("file", "problem")
TAKEN_IN_METRICS = ("loss", "score", "learning_rate", "samples_per_second")
TAKEN_IN_SETTINGS = ("class_path", "init_args", "dict_kwargs")
TAKEN = (*TAKEN_IN_BATCHES, *TAKEN_IN_PREDICTIONS, *TAKEN_IN_METRICS, *TAKEN_IN_SETTINGS)


def check_names(tasks: Mapping[str, Task], inputs: Sequence[str] = ()) -> None:
    """Reject names that cannot be a key of the batch, a module and a prefix of metrics.

    Args:
        tasks: tasks by name.
        inputs: names of the encoder's inputs.

    Raises:
        InputError: if there is no task, a name is invalid, or two tasks share a column of
            predictions.
    """
    if not tasks:
        raise InputError("tasks is empty; name at least one task")
    for name in tasks:
        if name in TAKEN:
            raise InputError(f"a task cannot be called '{name}', which is a reserved name")
        if name in inputs:
            raise InputError(
                f"a task cannot be called '{name}', which is the name of an input of the encoder; "
                "rename one of them"
            )
        if hasattr(nn.ModuleDict(), name):
            raise InputError(
                f"a task cannot be called '{name}', which is an attribute of every torch module; "
                f"call it '{name}_task', for example"
            )
        if not re.fullmatch(r"[A-Za-z][A-Za-z0-9_-]*", name):
            raise InputError(
                f"a task cannot be called '{name}'; use letters, digits, _ and -, starting with a "
                "letter"
            )
    _check_columns(tasks)


def distinct(names: Sequence[str]) -> list[str]:
    """Return the names if they are distinct, or else their numbers.

    Args:
        names: names of classes or elements.
    """
    return list(names) if len(set(names)) == len(names) else list(map(str, range(len(names))))


def element_names(task: Task, in_data: Sequence[str] | None) -> list[str] | None:
    """Names of a vector's elements: the task's own if it has any, or else those in the data.

    None if the task's predictions have no elements.

    Args:
        task: the task.
        in_data: names in the data, if known.
    """
    # The time and the event of a survival task, for example, are not elements of its predictions.
    known = in_data if hasattr(task, "elements") else None
    names = getattr(task, "own_elements", None) or known
    return None if names is None else list(names)


def _check_columns(tasks: Mapping[str, Task]) -> None:
    owners: dict[str, str] = {}
    for name, task in tasks.items():
        for column in task.column_names(name):
            if column in owners:
                raise InputError(
                    f"tasks '{owners[column]}' and '{name}' both have a column '{column}' in the "
                    "table of predictions; rename one of them"
                )
            owners[column] = name


def check_targets(
    tasks: Mapping[str, Task], targets: Mapping[str, Tensor], split: str, data: str
) -> None:
    """Reject a task that the data do not have, or targets that do not fit it.

    Args:
        tasks: the model's tasks by name.
        targets: a split's targets by task.
        split: ``train``, ``val`` or ``test``.
        data: name of the data, for the message.

    Raises:
        InputError: names the task and the closest one in the data, or the problem.
    """
    for name, task in tasks.items():
        if name not in targets:
            raise InputError(
                f"task '{name}' is not in the data: {data} has no target of that name"
                f"{nearest(name, targets)}"
            )
        task.check(name, targets[name], SPLIT_WORDS[split])
