"""What all ways to write boxes share."""

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
    """One box as it is written.

    Args:
        kind: its class, as a text or a number.
        numbers: four, see `BoxSource.box`.
        where: it is written, to begin a sentence with; empty if in the table's own cell.
    """

    kind: Any
    numbers: Sequence[Any]
    where: str = ""


class BoxSource(ABC):
    """Where the boxes of a table's images are written.

    A subclass is found by its class path, as in ``boxes: multitask.tables.boxes.BoxCells``. Its
    attributes are named like the parameters of its constructor, so that a checkpoint can tell it.

    Attributes:
        box: what the four numbers of a box are, in pixels of the original image, see
            `multitask.tables.target_columns.TargetColumns`.
        is_in_table: whether a further table with the same columns has its boxes too.
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
        """The classes as texts; each one's place is its number."""
        return list(map(str, self.classes))

    @abstractmethod
    def read(self, cells: Sequence[Any]) -> list[list[BoxRow] | str | None]:
        """Read the boxes of each row of the table.

        Args:
            cells: of the target's column, None where missing.

        Returns:
            For each row its boxes; None if it is unlabelled; a text, which follows "the cell", if
            the cell cannot be read.

        Raises:
            InputError: if a file of boxes cannot be read.
        """


def check_form(box: BoxForm, without_boxes: WithoutBoxes | None = "empty") -> None:
    """Refuse what is not one of the words.

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
            f"without_boxes is {without_boxes!r}; say what images without a row are: 'empty', "
            "which teaches that nothing is there, or 'unlabelled'"
        )
