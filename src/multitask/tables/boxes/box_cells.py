"""Boxes in the cells of a table."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import numpy as np

from multitask.tables.boxes.base import BoxForm, BoxRow, BoxSource, check_form

EXAMPLE = '[["cat", 10, 20, 110, 90]]'


class BoxCells(BoxSource):
    """A list of boxes in each cell, as JSON in a CSV file: ``[["cat", 10, 20, 110, 90], ...]``.

    An empty cell is unlabelled, and an empty list, ``[]``, means that there are no boxes.

    Args:
        classes: names of the classes; an integer in a cell matches its text.
        box: the format of the four numbers after the class: ``xyxy`` (left, top, right and bottom),
            ``xywh`` (left, top, width and height) or ``cxcywh`` (the centre, width and height), in
            pixels of the original image.

    Raises:
        InputError: if classes are missing or repeated, or ``box`` has another value.
    """

    def __init__(self, classes: Sequence[str | int], box: BoxForm = "xyxy") -> None:
        super().__init__(classes)
        check_form(box)
        self.box = box

    def read(self, cells: Sequence[Any]) -> list[list[BoxRow] | str | None]:
        return [None if each is None else boxes_of_cell(each) for each in cells]


def boxes_of_cell(cell: Any) -> list[BoxRow] | str:
    """Read the boxes of a cell.

    Args:
        cell: a list, or a JSON text.

    Returns:
        Its boxes; or a text, which continues "the cell", if it is not such a list.
    """
    wrong = f"{_short(cell)} is not a list of boxes, such as {EXAMPLE}"
    if isinstance(cell, str):
        try:
            cell = json.loads(cell)
        except (ValueError, RecursionError):
            return wrong
    rows = _listed(cell)
    if rows is None:
        return wrong
    found = [_listed(each) for each in rows]
    for place, each in enumerate(found):
        if each is None or len(each) != 5:
            return (
                f"{_short(cell)} is not a list of boxes, such as {EXAMPLE}: its entry "
                f"{place + 1} is not a class and four numbers"
            )
    return [BoxRow(each[0], each[1:]) for each in found if each is not None]


def _listed(value: Any) -> list[Any] | None:
    if isinstance(value, np.ndarray):
        value = value.tolist()
    return list(value) if isinstance(value, list | tuple) else None


def _short(cell: Any) -> str:
    text = str(cell)
    return f"'{text}'" if len(text) <= 60 else f"'{text[:57]}...'"
