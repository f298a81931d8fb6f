"""Conversion of a table's numbers to the corners of boxes."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

import torch
from torch import Tensor

from multitask.errors import InputError
from multitask.tables.target_cells import Cell
from multitask.tables.target_columns import TargetColumns

SIDES = ["left", "top", "right", "bottom"]
WORDS = {
    "xyxy": "left, top, right and bottom",
    "xywh": "left, top, width and height",
    "cxcywh": "the centre's x and y, width and height",
}
"""Names of the four numbers, by torchvision's name of the format."""


def corners(
    name: str, target: TargetColumns, values: Tensor, unreadable: Collection[int]
) -> tuple[Tensor, list[Cell]]:
    """Convert a target's four numbers to corners.

    Args:
        name: name of the task.
        target: its columns, which specify the format of the numbers.
        values: the result of `multitask.tables.target_cells.numbers`.
        unreadable: indices of rows for which another problem is already reported.

    Returns:
        Left, top, right and bottom, ``[rows, 4]``, all NaN for missing or invalid boxes; and the
        invalid boxes.

    Raises:
        InputError: if there are not exactly four numbers.
    """
    form = target.box
    assert form is not None
    if values.ndim != 2 or values.shape[1] != 4:
        size = values.shape[1] if values.ndim == 2 else 1
        raise InputError(
            f"targets, '{name}': box is {form}, which is {WORDS[form]}, but there "
            f"{'is' if size == 1 else 'are'} {size} number{'s' * (size > 1)}; name four columns, "
            "or one column of lists of four numbers"
        )
    first, second = values.split(2, 1)
    if form == "cxcywh":
        first, second = first - second / 2, first + second / 2
    elif form == "xywh":
        second = first + second
    boxes = torch.cat([first, second], 1)
    known = boxes.isfinite().all(1)
    is_box = (boxes[:, 2:] > boxes[:, :2]).all(1)
    partly = values.isfinite().any(1) & ~known
    told = [
        cell
        for cell in _told(target, values, partly, known & ~is_box)
        if cell.place not in unreadable
    ]
    return boxes.masked_fill(~(known & is_box).unsqueeze(1), torch.nan), told


def _told(target: TargetColumns, values: Tensor, partly: Tensor, empty: Tensor) -> Iterator[Cell]:
    columns = ", ".join(target.names)
    for place in partly.nonzero().flatten().tolist():
        row = _row(values[place].tolist())
        reason = f"({row}) is part of a box, whose numbers must be all known or all missing"
        yield Cell(place, columns, reason)
    form = target.box or "xyxy"
    hint = "; if it is left, top, width and height, set the target's box to xywh"
    for place in empty.nonzero().flatten().tolist():
        reason = f"({_row(values[place].tolist())}) is not a box ({WORDS[form]})"
        yield Cell(place, columns, reason, hint if form == "xyxy" else "")


def _row(numbers: Sequence[float]) -> str:
    return ", ".join("missing" if each != each else f"{each:g}" for each in numbers)
