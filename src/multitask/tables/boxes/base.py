"""The base class of all sources of boxes."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from multitask.errors import InputError

BoxForm = Literal["xyxy", "xywh", "cxcywh"]
WithoutBoxes = Literal["empty", "unlabelled"]


@dataclass(frozen=True)
class BoxRow:
    """One box as it was read.

    Args:
        kind: its class, as text or number.
        numbers: four numbers, see `BoxSource.box`.
        where: its place, to begin a sentence with; empty if it is in the table's own cell.
    """

    kind: Any
    numbers: Sequence[Any]
    where: str = ""


class BoxSource(ABC):
    """Defines where the boxes of a table's images are stored.

    A subclass is given by its class path, as in ``boxes: multitask.tables.boxes.BoxCells``. Its
    attributes must have the names of its constructor's parameters, so that a checkpoint can
    describe it.

    Attributes:
        box: the format of the four numbers of a box, in pixels of the original image, see
            `multitask.tables.target_columns.TargetColumns`.
        is_in_table: whether another table with the same columns contains its boxes too.
    """

    box: BoxForm = "xyxy"
    is_in_table: bool = True

    def __init__(self, classes: Sequence[str | int]) -> None:
        self.classes = list(classes)
        names = self.class_names
        if not names:
            raise InputError("classes is empty; list the names of the boxes' classes")
        if twice := [each for each, count in Counter(names).items() if count > 1]:
            raise InputError(f"classes lists '{twice[0]}' more than once")

    @property
    def class_names(self) -> list[str]:
        """The classes as texts; the index of each is its class index."""
        return list(map(str, self.classes))

    @abstractmethod
    def read(self, cells: Sequence[Any]) -> list[list[BoxRow] | str | None]:
        """Read the boxes of each row of the table.

        Args:
            cells: cells of the target's column, None if missing.

        Returns:
            The boxes of each row; None if it is unlabelled; or a text, which continues "the cell",
            if the cell cannot be read.

        Raises:
            InputError: if a file of boxes cannot be read.
        """


def check_form(box: BoxForm, without_boxes: WithoutBoxes | None = "empty") -> None:
    """Refuse unknown values of the settings.

    Args:
        box: see `BoxSource`.
        without_boxes: see `multitask.tables.boxes.BoxTable`.

    Raises:
        InputError: naming the setting.
    """
    if box not in ("xyxy", "xywh", "cxcywh"):
        raise InputError(f"box is {box!r}; give 'xyxy', 'xywh' or 'cxcywh'")
    if without_boxes not in ("empty", "unlabelled"):
        raise InputError(
            f"without_boxes is {without_boxes!r}; set what images without a row are: 'empty', "
            "which means that nothing is there, or 'unlabelled'"
        )
