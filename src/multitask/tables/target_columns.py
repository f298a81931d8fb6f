"""The columns of a task's targets, and their settings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, Literal

from multitask.errors import InputError, nearest
from multitask.geometry import Boxes, BoxLists, Geometry
from multitask.images.maps import MapCoding
from multitask.tables.boxes import BoxSource


@dataclass(frozen=True)
class TargetColumns:
    """The columns that contain a task's targets.

    Args:
        columns: one column, or those of the elements of a vector. A column of lists is also a
            vector.
        classes: the class names in the order of their indices; default: the indices. An integer in
            the table matches its text. If the number of columns, or the length of lists, equals the
            number of classes, they are one-hot: the one that is 1 is the class.
        follows: how the targets follow if image content moves: when the image is resized from its
            original size, and when it is augmented.
        missing: cells that mark a missing target, in addition to the data's ``missing``.
        map: how maps are encoded in the files, if the column's cells name map files.
        map_folder: folder that those names are relative to; default: as for the images.
        map_ending: suffix that replaces the suffix of the names, such as ``.png``.
        labels: names of several labels that can apply together; see
            `multitask.tables.label_columns.label_numbers`. An empty cell is unlabelled.
        between: separator of the labels in a cell, such as ``;`` or a blank.
        none: a word that means that no label applies, like an empty list.
        tokens_of: name of the text input whose words each have one of ``labels``: a cell then
            contains one label per word of the text, see `multitask.tables.token_columns`.
        box: format of the four numbers of a box, as named by torchvision: ``xyxy`` (left, top,
            right and bottom), ``xywh`` (left, top, width and height) or ``cxcywh`` (the centre,
            width and height), in pixels of the original image. The targets are corners, which
            follow as `multitask.geometry.Boxes`.
        boxes: source of several boxes per image, each with a class. They follow as
            `multitask.geometry.BoxLists`.
    """

    columns: str | list[str]
    classes: list[str | int | bool] | None = None
    follows: Geometry | None = None
    missing: list[str | int | float] = field(default_factory=list)
    map: MapCoding | None = None
    map_folder: Path | None = None
    map_ending: str = ""
    labels: list[str | int | bool] | None = None
    between: str | None = None
    none: str | None = None
    tokens_of: str | None = None
    box: Literal["xyxy", "xywh", "cxcywh"] | None = None
    boxes: BoxSource | None = None

    @property
    def names(self) -> list[str]:
        """The columns as a list."""
        return [self.columns] if isinstance(self.columns, str) else list(self.columns)

    @property
    def class_names(self) -> list[str]:
        """The classes as texts."""
        if self.boxes is not None:
            return self.boxes.class_names
        if self.tokens_of is not None:
            return self.label_names
        names = self.classes if self.map is None else self.map.class_names
        return [str(each) for each in names or ()]

    @property
    def label_names(self) -> list[str]:
        """The labels as texts."""
        return [str(each) for each in self.labels or ()]

    @property
    def geometry(self) -> Geometry | None:
        """How the targets follow; maps and boxes have a default."""
        if self.follows is None and self.boxes is not None:
            return BoxLists()
        if self.follows is None and self.box is not None:
            return Boxes()
        return self.map.geometry() if self.follows is None and self.map else self.follows


def target_columns(name: str, given: Any) -> TargetColumns:
    """Convert the description of a target given in Python.

    Args:
        name: name of the task.
        given: the columns' names, a dictionary of the settings of `TargetColumns`, or one of them.

    Raises:
        InputError: naming the task and the unknown setting.
    """
    if isinstance(given, TargetColumns):
        return given
    if isinstance(given, str | list | tuple):
        return TargetColumns(given if isinstance(given, str) else list(given))
    known = [each.name for each in fields(TargetColumns)]
    if not isinstance(given, Mapping) or "columns" not in given:
        raise InputError(
            f"targets, '{name}': {given!r:.60} does not name a column; give a column name, or "
            "{'columns': 'weight'} with further settings, such as classes"
        )
    if unknown := [str(each) for each in given if each not in known]:
        raise InputError(
            f"targets, '{name}': there is no setting '{unknown[0]}'{nearest(unknown[0], known)}; "
            f"its settings are {', '.join(known)}"
        )
    return TargetColumns(**given)


def check_columns(name: str, target: TargetColumns, missing: Sequence[str | int | float]) -> None:
    """Refuse settings that contradict each other.

    Args:
        name: name of the task.
        target: its columns.
        missing: values that mark a missing cell in all targets.

    Raises:
        InputError: naming the task and the setting.
    """
    where = f"targets, '{name}'"
    if not target.names:
        raise InputError(f"{where}: columns is empty; name at least one column")
    _check_map(where, target)
    _check_box(where, target)
    if target.classes is None:
        return
    classes = target.class_names
    if target.follows is not None:
        raise InputError(f"{where}: follows does not apply to classes; remove follows")
    if len(target.names) not in (1, len(classes)):
        raise InputError(
            f"{where}: classes need one column, or one column each (one-hot), but columns "
            f"has {len(target.names)} names and classes has {len(classes)}"
        )
    if not classes:
        raise InputError(f"{where}: classes is empty; list the classes' names")
    if twice := [each for each in classes if classes.count(each) > 1]:
        raise InputError(f"{where}: classes lists '{twice[0]}' more than once")
    texts = [str(each) for each in (*missing, *target.missing)]
    if taken := [each for each in classes if each in texts]:
        raise InputError(f"{where}: '{taken[0]}' is listed in both classes and missing; keep one")


def _check_map(where: str, target: TargetColumns) -> None:
    if target.map is None:
        if target.map_folder is not None or target.map_ending:
            setting = "map_ending" if target.map_folder is None else "map_folder"
            raise InputError(
                f"{where}: {setting} is for columns of maps; set how the files encode them, as in "
                "map: {class_path: multitask.images.maps.ClassMap, init_args: {num_classes: 2}}"
            )
        return
    if not isinstance(target.map, MapCoding):
        raise InputError(
            f"{where}: map is {target.map!r:.60}; give a multitask.images.maps.MapCoding, such as "
            "ClassMap(num_classes=2)"
        )
    if not isinstance(target.columns, str):
        raise InputError(f"{where}: maps need one column, but columns is a list; name one")
    if target.classes is not None:
        raise InputError(
            f"{where}: the classes of maps are those of map; give map.init_args.classes instead"
        )


def _check_box(where: str, target: TargetColumns) -> None:
    if target.box is None:
        return
    if target.box not in ("xyxy", "xywh", "cxcywh"):
        raise InputError(
            f"{where}: box is {target.box!r:.60}; give xyxy (left, top, right, bottom), xywh "
            "(left, top, width, height) or cxcywh (the centre, width, height)"
        )
    others = ("classes", "labels", "map")
    if given := [each for each in others if getattr(target, each) is not None]:
        raise InputError(
            f"{where}: box is for four numbers, but {given[0]} is given too; make the {given[0]} a "
            "separate target"
        )
    if len(target.names) not in (1, 4):
        raise InputError(
            f"{where}: a box needs four columns, or one column of lists of four numbers, but "
            f"columns has {len(target.names)} names"
        )
