"""The table columns that contain the targets of a trained model's tasks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from pandas import DataFrame

from multitask.after.trained_model import TrainedModel
from multitask.errors import InputError
from multitask.pages.words import listed
from multitask.remarks.written_numbers import number_of
from multitask.tables.target_cells import blank, cell_text
from multitask.tasks import (
    DenseRegression,
    Detection,
    Edges,
    MultiLabel,
    Segmentation,
    Task,
    TokenLabels,
)

BOX_CELLS = "multitask.tables.boxes.BoxCells"
Chosen = dict[str, dict[str, Any]]
"""The arguments of `multitask.tables.target_columns.TargetColumns`, by task."""


def chosen_targets(
    trained: TrainedModel, tables: Sequence[DataFrame], columns: Sequence[str], path: str
) -> tuple[Chosen, Mapping[str, Any]]:
    """Find the columns of each task's targets.

    Args:
        trained: the model, whose checkpoint specifies the columns that it was trained on.
        tables: cells of the tables.
        columns: columns that all of them have.
        path: path of the tables, for messages.

    Returns:
        The columns by task, without tasks that have none; and how the tables are read, see
        `multitask.data.DataModule.tables`, empty if the checkpoint does not contain it.

    Raises:
        InputError: if no task has a column, with the names that would be valid.
    """
    tasks, ways = trained.model.named_tasks, trained.description.get("tables") or []
    found = [_told(way, tasks, columns) for way in ways]
    best = max(range(len(ways)), key=lambda at: len(found[at]), default=None)
    chosen = {} if best is None else found[best]
    told = {} if best is None else ways[best]
    for name, task in tasks.items():
        if name not in chosen and (own := _called_so(name, task, trained, tables, columns)):
            chosen[name] = own
    if not chosen:
        wanted = _wanted(trained, told)
        listed = ", ".join(map(str, columns[:12])) or "none"
        raise InputError(
            f"{path} has no column for any task of {trained.source}: it needs {wanted}; its "
            f"columns: {listed}"
        )
    return chosen, told


def _told(way: Mapping[str, Any], tasks: Mapping[str, Task], columns: Sequence[str]) -> Chosen:
    found: Chosen = {}
    for name, target in (way.get("targets") or {}).items():
        names = [target["columns"]] if isinstance(target["columns"], str) else target["columns"]
        if name in tasks and all(each in columns for each in names):
            found[name] = dict(target)
    return found


def _called_so(
    name: str,
    task: Task,
    trained: TrainedModel,
    tables: Sequence[DataFrame],
    columns: Sequence[str],
) -> dict[str, Any] | None:
    if isinstance(task, Segmentation | DenseRegression | Edges | TokenLabels):
        return None
    classes = task.class_names
    if name in columns:
        if isinstance(task, MultiLabel):
            return {"columns": name, "labels": task.labels}
        if isinstance(task, Detection):
            boxes = {"class_path": BOX_CELLS, "init_args": {"classes": classes}}
            return {"columns": name, "boxes": boxes}
        if classes is None:
            return {"columns": name}
        cells = [each for table in tables for each in blank(table[name], ()) if each is not None]
        return {"columns": name, "classes": _as_written(cells, classes)}
    size = getattr(task, "size", 1)
    elements = trained.description["tasks"][name].get("elements") or list(map(str, range(size)))
    several = [f"{name}.{each}" for each in elements]
    is_vector = classes is None and size > 1 and len(several) == size
    if not is_vector or not all(each in columns for each in several):
        return None
    return {"columns": several, **({"labels": elements} if isinstance(task, MultiLabel) else {})}


def _as_written(cells: Sequence[Any], classes: Sequence[str]) -> list[str]:
    """The classes as written in the cells: by their names, or by their indices."""
    if not all(isinstance(each, str | int | float | np.number) for each in cells):
        return list(classes)
    if any(cell_text(each) in classes for each in cells):
        return list(classes)
    values = [number_of(cell_text(each)) for each in cells]
    numbers = [each for each in values if each is not None and each.is_integer()]
    fits = len(numbers) == len(cells) and all(0 <= each < len(classes) for each in numbers)
    return list(map(str, range(len(classes)))) if cells and fits else list(classes)


def _wanted(trained: TrainedModel, told: Mapping[str, Any]) -> str:
    found = []
    for name in trained.model.named_tasks:
        columns = (told.get("targets") or {}).get(name, {}).get("columns", name)
        several = [columns] if isinstance(columns, str) else columns
        found.append(listed(f"'{each}'" for each in several))
    return ", or ".join(found)
