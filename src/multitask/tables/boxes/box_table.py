"""Boxes in a separate table."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from multitask.errors import InputError, nearest
from multitask.tables.boxes.base import BoxForm, BoxRow, BoxSource, WithoutBoxes, check_form
from multitask.tables.table_file import read_table, row_number

FIELDS = 5


class BoxTable(BoxSource):
    """A table with one row per box, which names its image; CSV, Parquet or JSON Lines.

    The target's column contains the image's name in that table, such as ``file_name``. A row
    without class and numbers means that its image has no boxes.

    Args:
        path: path of the table of boxes.
        classes: names of the classes; an integer in the table matches its text.
        without_boxes: meaning of an image without a row: ``empty``, known to have no boxes, or
            ``unlabelled``.
        image: the column that names the image, with the same entries as the target's column.
        columns: the columns of the class and of the four numbers.
        box: see `multitask.tables.boxes.BoxCells`.
        separator: see `multitask.data.Table`.

    Raises:
        InputError: if a setting is invalid.
    """

    is_in_table = False

    def __init__(
        self,
        path: Path,
        classes: Sequence[str | int],
        without_boxes: WithoutBoxes,
        image: str = "file_name",
        columns: Sequence[str] = ("class", "left", "top", "right", "bottom"),
        box: BoxForm = "xyxy",
        separator: str | None = None,
    ) -> None:
        super().__init__(classes)
        check_form(box, without_boxes)
        if len(columns) != FIELDS:
            raise InputError(
                f"columns has {len(columns)} names; name those of the class and of the four numbers"
            )
        self.path, self.without_boxes = Path(path), without_boxes
        self.image, self.columns = image, list(columns)
        self.box, self.separator = box, separator

    def read(self, cells: Sequence[Any]) -> list[list[BoxRow] | str | None]:
        table = read_table(self.path, self.separator)
        names = [str(each) for each in table.columns]
        for column in (self.image, *self.columns):
            if column not in table:
                near = nearest(column, names) or f"; its columns: {', '.join(names[:12])}"
                raise InputError(f"{self.path} has no column '{column}'{near}")
        keys = set(map(str, (each for each in cells if each is not None)))
        found: dict[str, list[BoxRow]] = {}
        columns = [table[each].tolist() for each in (self.image, *self.columns)]
        for place, (image, *fields) in zip(table.index, zip(*columns, strict=True), strict=True):
            boxes = found.setdefault(str(image), [])
            if not all(map(_is_empty, fields)):
                where = f"{self.path}, row {row_number(self.path, place)}"
                boxes.append(BoxRow(fields[0], fields[1:], where))
        if not keys & found.keys():
            raise InputError(
                f"{self.path}: its column '{self.image}' contains none of the table's images, such "
                f"as '{min(keys, default='')}'; name the column with their names there (image), "
                "and in the table (columns)"
            )
        rest: list[BoxRow] | None = [] if self.without_boxes == "empty" else None
        return [None if each is None else found.get(str(each), rest) for each in cells]


def _is_empty(cell: Any) -> bool:
    return cell is None or cell == "" or cell != cell
