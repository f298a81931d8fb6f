"""Conversion of a table's columns to several labels per sample."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from pandas import Series
from torch import Tensor

from multitask.errors import InputError, nearest
from multitask.missing_labels import MISSING_CLASS
from multitask.remarks.label_cells import EMPTY_LIST
from multitask.remarks.written_numbers import number_of
from multitask.tables.target_cells import Cell, cell_text
from multitask.tables.target_columns import TargetColumns

ANSWERS = {"true": 1, "yes": 1, "y": 1, "false": 0, "no": 0, "n": 0}


def check_labels(name: str, target: TargetColumns, missing: Sequence[str | int | float]) -> None:
    """Refuse label settings that contradict each other.

    Args:
        name: name of the task.
        target: its columns.
        missing: values that mark a missing cell in all targets.

    Raises:
        InputError: naming the task and the setting.
    """
    where, labels = f"targets, '{name}'", target.label_names
    if target.labels is None:
        given = {"between": target.between, "none": target.none}
        if alone := [setting for setting, value in given.items() if value is not None]:
            raise InputError(
                f"{where}: {alone[0]} is for several labels at once; list their names as labels, "
                f"or remove {alone[0]}"
            )
        return
    others = {"classes": target.classes, "follows": target.follows, "map": target.map}
    if also := [setting for setting, value in others.items() if value is not None]:
        raise InputError(f"{where}: labels and {also[0]} are given; keep one of them")
    if not labels:
        raise InputError(f"{where}: labels is empty; list the labels' names")
    if twice := [each for each in labels if labels.count(each) > 1]:
        raise InputError(f"{where}: labels lists '{twice[0]}' more than once")
    if not isinstance(target.columns, str):
        _check_columns(where, target, labels)
    texts = [str(each) for each in (*missing, *target.missing)]
    if taken := [each for each in (*labels, target.none) if each in texts]:
        what = "none" if taken[0] == target.none else "listed in labels"
        raise InputError(f"{where}: '{taken[0]}' is {what} and listed in missing; keep one")
    if target.none in labels:
        raise InputError(f"{where}: '{target.none}' is none and listed in labels; keep one")
    if target.between == "":
        raise InputError(f"{where}: between is empty; give the separator of labels, such as ';'")
    if target.between and (inside := [each for each in labels if target.between in each]):
        raise InputError(
            f"{where}: the label '{inside[0]}' contains '{target.between}', which separates "
            "labels; choose another between"
        )


def _check_columns(where: str, target: TargetColumns, labels: Sequence[str]) -> None:
    if len(target.names) != len(labels):
        raise InputError(
            f"{where}: labels need one column, or one column each, but columns has "
            f"{len(target.names)} names and labels has {len(labels)}"
        )
    for setting in ("between", "none"):
        if getattr(target, setting) is not None:
            raise InputError(
                f"{where}: {setting} is for one column with several labels, but columns is a list "
                f"of columns with yes and no; remove {setting}"
            )


def label_numbers(
    columns: Mapping[str, Series], target: TargetColumns
) -> tuple[Tensor, list[Cell]]:
    """Read several yes/no columns, or one column whose cells name labels.

    A cell of a single column is a list of names, a text of names separated by ``between``, or a
    list with 1 or 0 for each label. An empty list, or the word ``none``, means that no label
    applies.

    Args:
        columns: columns by name, see `multitask.tables.target_cells.blank`; each of shape
            ``[rows]``.
        target: the target that the columns belong to.

    Returns:
        Shape ``[rows, labels]``, int64: 1, 0, or -100 if missing or unreadable; and the cells that
        cannot be read.
    """
    if isinstance(target.columns, str):
        ((name, cells),) = columns.items()
        read = _hot_cells if _are_hot(cells, target.label_names) else _named_cells
        return read(name, cells, target)
    found: list[Tensor] = []
    problems: list[Cell] = []
    for name in target.names:
        answers = [None if each is None else _answer(each) for each in columns[name]]
        known = [MISSING_CLASS if each is None else each for each in answers]
        found.append(torch.tensor(known, dtype=torch.int64))
        problems += [
            Cell(place, name, f"the cell {cell!r:.40} is not yes or no", _HOW)
            for place, (cell, answer) in enumerate(zip(columns[name], answers, strict=True))
            if cell is not None and answer is None
        ]
    return torch.stack(found, 1), problems


_HOW = "; write 1 or 0, true or false, or yes or no, and leave unknown cells empty"


def _answer(cell: Any) -> int | None:
    if isinstance(cell, list | tuple | dict | np.ndarray):
        return None
    answer = ANSWERS.get(str(cell).strip().lower())
    value = number_of(cell_text(cell)) if answer is None else answer
    return int(value) if value in (0, 1) else None


def is_list(cell: Any) -> bool:
    """Return whether a cell is a list, empty or not.

    Args:
        cell: a cell of a table.
    """
    return isinstance(cell, list | tuple | np.ndarray)


def _is_unknown(element: Any) -> bool:
    return element is None or (
        isinstance(element, float | np.floating) and bool(element != element)
    )


def _are_hot(cells: Series, labels: Sequence[str]) -> bool:
    """Return whether lists contain 1 or 0 for each label, rather than names of labels."""
    lists = [each for each in cells if is_list(each) and len(each)]
    may_be = all(_is_unknown(one) or _answer(one) is not None for each in lists for one in each)
    # Labels may be named 0 and 1.
    are_names = bool({"0", "1"} & {*labels}) and any(len(each) != len(labels) for each in lists)
    return bool(lists) and may_be and not are_names


def _hot_cells(name: str, cells: Series, target: TargetColumns) -> tuple[Tensor, list[Cell]]:
    size = len(target.label_names)
    found = np.full((len(cells), size), MISSING_CLASS, dtype=np.int64)
    problems: list[Cell] = []
    for place, cell in enumerate(cells):
        if _is_none(cell, target):
            found[place] = 0
        elif is_list(cell) and len(cell) == size:
            answers = [None if _is_unknown(each) else _answer(each) for each in cell]
            found[place] = [MISSING_CLASS if each is None else each for each in answers]
        elif cell is not None:
            reason = (
                f"the cell {cell!r:.40} is not a list with 1 or 0 for each of the {size} labels"
            )
            problems.append(Cell(place, name, reason))
    return torch.from_numpy(found), problems


def _named_cells(name: str, cells: Series, target: TargetColumns) -> tuple[Tensor, list[Cell]]:
    labels = target.label_names
    numbers = {label: number for number, label in enumerate(labels)}
    found = np.full((len(cells), len(labels)), MISSING_CLASS, dtype=np.int64)
    problems: list[Cell] = []
    for place, cell in enumerate(cells):
        if cell is None:
            continue
        named = [] if _is_none(cell, target) else _names(cell, target.between)
        unknown = [each for each in named if each not in numbers]
        if unknown:
            # Comparing with all labels is slow, and only the first hint is reported.
            hint = "" if problems else _meant(unknown[0], target)
            reason = f"'{unknown[0]:.60}' is not listed in labels"
            problems.append(Cell(place, name, reason, hint, "unknown_class"))
        elif not named and not _is_none(cell, target):
            reason = f"the cell {cell!r:.40} contains no label"
            problems.append(Cell(place, name, reason, "; leave it empty if none is known"))
        else:
            found[place] = 0
            found[place, [numbers[each] for each in named]] = 1
    return torch.from_numpy(found), problems


def _is_none(cell: Any, target: TargetColumns) -> bool:
    if is_list(cell):
        return len(cell) == 0
    return isinstance(cell, str) and cell.strip() in (EMPTY_LIST, target.none)


def _names(cell: Any, between: str | None) -> list[str]:
    if is_list(cell):
        return [cell_text(each) for each in cell]
    text = cell_text(cell)
    # The whole cell is one label if no separator is given.
    parts = [text] if between is None else text.split(between)
    return [part for each in parts if (part := each.strip())]


def _meant(name: str, target: TargetColumns) -> str:
    if (
        target.between is None
        and target.labels
        and any(each in name for each in target.label_names)
    ):
        return "; if the cell contains several labels, set their separator, as in between: ';'"
    return nearest(name, target.label_names)
