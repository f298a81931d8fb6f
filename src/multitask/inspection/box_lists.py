"""Detection of several boxes per image, in a column or in rows, and how to configure them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from multitask.errors import InputError
from multitask.tables.boxes.box_cells import boxes_of_cell

MOST_NAMED = 20


def box_lists_remark(name: str, cells: pd.Series) -> str | None:
    """Explain how to use a column of lists of boxes.

    Args:
        name: name of the column.
        cells: its non-missing cells.

    Returns:
        None if it is not such a column: lists of a class and four numbers, as lists or JSON.
    """
    kinds: dict[str, None] = {}
    for each in cells:
        rows = boxes_of_cell(each)
        if isinstance(rows, str):
            return None
        kinds |= dict.fromkeys(str(row.kind) for row in rows)
    if not kinds:
        return None
    listed = ", ".join(list(kinds)[:MOST_NAMED]) + (", ..." if len(kinds) > MOST_NAMED else "")
    return (
        "its cells are lists of boxes; to learn them, add a multitask.tasks.Detection with "
        f"classes: [{listed}] and an encoder of maps, and as its target columns: {name} and "
        "boxes: {class_path: multitask.tables.boxes.BoxCells, init_args: {classes: "
        f"[{listed}]}}}}"
    )


def refuse_rows_of_boxes(
    path: Path, images: pd.Series, boxes: Sequence[Sequence[str]], image: str
) -> None:
    """Refuse a table with one row per box, in which an image has several rows.

    Args:
        path: path of the table.
        images: the cells that name images.
        boxes: the four columns of each box found.
        image: the column of images.

    Raises:
        InputError: explaining how to configure several boxes per image.
    """
    repeated = images.dropna()
    repeated = repeated[repeated.duplicated()]
    if not boxes or not len(repeated):
        return
    columns = ", ".join(["class", *boxes[0]])
    raise InputError(
        f"{path} has boxes in '{', '.join(boxes[0])}' and several rows for one image, such as "
        f"'{repeated.iloc[0]}'; to learn several boxes per image, make a table with a row for each "
        f"image and give this one to a target as boxes: multitask.tables.boxes.BoxTable, with "
        f"path: {path}, image: {image}, columns: [{columns}], the column of the class first, "
        "classes and without_boxes"
    )
