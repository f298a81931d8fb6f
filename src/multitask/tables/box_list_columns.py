"""Conversion of boxes in cells or files to targets with several boxes per image."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from pandas import Series
from torch import Tensor

from multitask.errors import InputError, nearest
from multitask.remarks.written_numbers import number_of
from multitask.tables.box_columns import WORDS
from multitask.tables.boxes import BoxRow, BoxSource
from multitask.tables.target_cells import LARGEST, UNREADABLE, Cell, cell_text
from multitask.tables.target_columns import TargetColumns

MOST_BOXES = 10_000
"""Most boxes in an image; all images use the space of the one with the most boxes."""
MOST_NUMBERS = 2**30
"""Most values in memory for all images, 4 GB."""


def check_boxes(name: str, target: TargetColumns) -> None:
    """Refuse settings that contradict ``boxes``.

    Args:
        name: name of the task.
        target: its columns.

    Raises:
        InputError: naming the task and the setting.
    """
    where = f"targets, '{name}'"
    if target.boxes is None:
        return
    if not isinstance(target.boxes, BoxSource):
        raise InputError(
            f"{where}: boxes is {target.boxes!r:.60}; give a multitask.tables.boxes.BoxSource, "
            "such as BoxCells(classes=['cat', 'dog'])"
        )
    if not isinstance(target.columns, str):
        raise InputError(f"{where}: boxes need one column, but columns is a list; name one")
    given = {each: getattr(target, each) for each in ("classes", "map", "labels", "box")}
    if also := [each for each, value in given.items() if value is not None]:
        advice = {
            "classes": "give boxes.init_args.classes instead",
            "box": "give boxes.init_args.box instead",
        }
        raise InputError(
            f"{where}: boxes and {also[0]} are given; {advice.get(also[0], 'keep one of them')}"
        )


def box_lists(target: TargetColumns, cells: Mapping[str, Series]) -> tuple[Tensor, list[Cell]]:
    """Read the boxes of each row.

    Args:
        target: its columns.
        cells: its column, see `multitask.tables.target_cells.blank`; shape ``[rows]``.

    Returns:
        Shape ``[rows, boxes, 5]``, float32, with the largest number of boxes of any row, at least
        one: class, left, top, right and bottom, with class -1 and zeros after the last box, all NaN
        if unlabelled or unreadable; and the cells that cannot be used.

    Raises:
        InputError: if a file of boxes cannot be read, or the boxes need too much memory.
    """
    source = target.boxes
    assert source is not None
    ((column, values),) = cells.items()
    found: list[list[list[float]] | None] = []
    problems: list[Cell] = []
    for place, rows in enumerate(source.read(values.tolist())):
        told: list[list[float] | Cell] = []
        if isinstance(rows, str):
            told.append(Cell(place, column, f"the cell {rows}"))
        elif rows is not None and len(rows) > MOST_BOXES:
            reason = f"there are {len(rows):,} boxes, but an image may have at most {MOST_BOXES:,}"
            told.append(Cell(place, column, reason, "", UNREADABLE))
        elif rows is not None:
            told += [_box(place, column, each, source) for each in rows]
        wrong = [each for each in told if isinstance(each, Cell)]
        problems += wrong
        right = [each for each in told if not isinstance(each, Cell)]
        found.append(None if wrong or rows is None else right)
    return _packed(found), problems


def _box(place: int, column: str, row: BoxRow, source: BoxSource) -> list[float] | Cell:
    """Return the class and corners, or what is wrong."""
    start = f"{row.where}: " if row.where else ""
    names, kind = source.class_names, _class(row.kind, source.class_names)
    if kind is None:
        reason = f"{start}the class '{row.kind}' is not listed in classes"
        return Cell(place, column, reason, nearest(str(row.kind), names), "unknown_class")
    numbers = [_number(each) for each in row.numbers]
    said = ", ".join(map(str, row.numbers))
    if len(numbers) != 4 or any(each is None for each in numbers):
        return Cell(place, column, f"{start}({said:.60}) is not four numbers", "", UNREADABLE)
    first, second, third, fourth = (float(each or 0) for each in numbers)
    if source.box == "cxcywh":
        first, second = first - third / 2, second - fourth / 2
    if source.box != "xyxy":
        third, fourth = first + third, second + fourth
    if not (third > first and fourth > second):
        hint = "; if it is left, top, width and height, set boxes.init_args.box to xywh"
        reason = f"{start}({said:.60}) is not a box ({WORDS[source.box]})"
        return Cell(place, column, reason, hint if source.box == "xyxy" else "", UNREADABLE)
    return [kind, first, second, third, fourth]


def _class(kind: Any, names: Sequence[str]) -> int | None:
    if not isinstance(kind, str | int | float | np.generic) or kind != kind:
        return None
    text = cell_text(kind)
    return names.index(text) if text in names else None


def _number(value: Any) -> float | None:
    if isinstance(value, bool):
        return None
    found = number_of(str(value))
    return None if found is None or not math.isfinite(found) or abs(found) > LARGEST else found


def _packed(rows: Sequence[Sequence[Sequence[float]] | None]) -> Tensor:
    most = max([1, *(len(each) for each in rows if each is not None)])
    if len(rows) * most * 5 > MOST_NUMBERS:
        raise InputError(
            f"{len(rows):,} images with {most:,} boxes each, the most of any image, need too "
            "much memory; remove images with so many boxes from the table"
        )
    packed = torch.zeros(len(rows), most, 5)
    packed[:, :, 0] = -1
    for place, each in enumerate(rows):
        if each is None:
            packed[place] = torch.nan
        elif each:
            packed[place, : len(each)] = torch.tensor(each)
    return packed
