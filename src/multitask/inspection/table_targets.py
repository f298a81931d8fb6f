"""The tasks of a table: the columns of each target, and its kind."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal, cast

import pandas as pd

from multitask.inspection.boxes import boxes
from multitask.inspection.column_kinds import Column, as_numbers, is_number
from multitask.inspection.map_kinds import MapKind, map_kind, names_maps
from multitask.inspection.natural_order import natural
from multitask.inspection.table_cells import known_cells
from multitask.inspection.task_names import task_name
from multitask.inspection.vectors import vectors
from multitask.remarks.columns import stand_in
from multitask.remarks.label_cells import LabelCells
from multitask.remarks.one_hot import class_names, one_hot
from multitask.remarks.yes_or_no import yes_or_no, yes_or_no_remark
from multitask.tables.table_sources import Source

Together = tuple[str, list[Column], bool, dict[str, int]]
"""The name of a target of several columns, these columns, whether they are positions in the image,
and for one-hot columns the number of samples of each class."""


@dataclass(frozen=True)
class Target:
    """A task, and the columns of its targets.

    Args:
        task: a valid task name.
        columns: one column, or those of a vector, in order.
        points: whether the columns are named x and y, like positions in the image.
        hot: for one-hot columns: the number of samples of each class.
        missing: numbers that stand for missing values.
        maps: the kind of the maps, if the column names map files.
        box: the format of the four numbers, if the columns are those of a box.
    """

    task: str
    columns: list[Column]
    points: bool = False
    hot: dict[str, int] = field(default_factory=dict)
    missing: list[float] = field(default_factory=list)
    maps: MapKind | None = None
    box: Literal["xyxy", "xywh", "cxcywh"] | None = None

    @property
    def classes(self) -> dict[str, int]:
        """The number of samples of each class; empty for numbers."""
        return self.hot or self.columns[0].counts

    @property
    def several(self) -> LabelCells | None:
        """The labels in the cells, if they contain several labels each."""
        return self.columns[0].several

    @property
    def labels(self) -> list[str]:
        """The names of several labels, in order; empty for other targets."""
        return [] if self.several is None else natural(list(self.several.counts))

    @property
    def size(self) -> int:
        """Number of elements."""
        return sum(each.size for each in self.columns)


def _without_stand_ins(
    table: pd.DataFrame, columns: list[Column], missing: Sequence[str]
) -> dict[str, float]:
    """Replace columns in which a number stands for missing values; return that number by column."""
    stand_ins: dict[str, float] = {}
    for place, column in enumerate(columns):
        if column.kind == "numbers" and column.size == 1:
            found = stand_in(known_cells(table[column.name], missing))
            if found is not None:
                value, count, low, high = found
                stand_ins[column.name] = value
                columns[place] = column.without(value, count, (low, high))
    return stand_ins


def table_targets(
    table: pd.DataFrame,
    others: Sequence[Column],
    missing: Sequence[str],
    has_images: bool = True,
    taken: Collection[str] = (),
) -> list[Target]:
    """Create targets from columns of classes, numbers and labels.

    Args:
        table: the cells.
        others: the columns; those of other kinds are ignored.
        missing: texts that mark missing cells.
        has_images: whether targets may be positions in images.
        taken: names that tasks may not have, such as those of inputs.
    """
    columns = [each for each in others if each.kind in ("classes", "numbers", "labels")]
    stand_ins = _without_stand_ins(table, columns, missing)
    together = _one_hot_columns(table, columns)
    by_name = {each.name: each for each in columns}
    single = [each.name for each in columns if is_number(each) and each.name not in together]
    forms: dict[str, str] = {}
    for box, names, form in boxes(table, single) if has_images else ():
        part: Together = (box, [as_numbers(by_name[each]) for each in names], False, {})
        together.update(dict.fromkeys(names, part))
        forms[names[0]] = form
    single = [name for name in single if name not in together]
    for vector, names, is_axes in vectors(single):
        parts = [by_name[each] for each in names]
        if is_axes or any(each.kind == "numbers" for each in parts):
            part = (vector, [as_numbers(each) for each in parts], is_axes and has_images, {})
            together.update(dict.fromkeys(names, part))
    apart = {each.name: each.counts for each in columns if each.name not in together}
    answers = {names[0]: yes_or_no_remark(names) for names in yes_or_no(apart)}
    targets: dict[str, Target] = {}
    for column in columns:
        if column.name in answers:
            said = "; also, ".join(filter(None, [column.remark, answers[column.name]]))
            column = replace(column, remark=said)
        default: Together = (column.name, [column], False, {})
        name, parts, points, hot = together.get(column.name, default)
        if column.name == parts[0].name:
            task = task_name(name, {*targets, *taken})
            gone = sorted({stand_ins[each.name] for each in parts if each.name in stand_ins})
            box_form = cast("Literal['xyxy', 'xywh', 'cxcywh'] | None", forms.get(column.name))
            targets[task] = Target(task, parts, points, hot, gone, box=box_form)
    return list(targets.values())


def _one_hot_columns(table: pd.DataFrame, columns: Sequence[Column]) -> dict[str, Together]:
    together: dict[str, Together] = {}
    whole = {
        each.name: table[each.name]
        for each in columns
        if each.missing == 0 and each.size == 1 and len(each.counts) == 2
    }
    by_name = {each.name: each for each in columns}
    for names in one_hot(whole):
        found = [by_name[each] for each in names]
        hot = dict(zip(class_names(names), [_ones(each) for each in found], strict=True))
        together.update(dict.fromkeys(names, (_common_name(names), found, False, hot)))
    return together


def map_targets(
    table: pd.DataFrame,
    others: Sequence[Column],
    missing: Sequence[str],
    sources: Sequence[Source],
    image_folder: Path | None,
    targets: Sequence[Target],
) -> dict[str, Target | str]:
    """Create targets from columns that name map files.

    Args:
        table: the cells.
        others: the columns.
        missing: texts that mark missing cells.
        sources: the tables.
        image_folder: folder that file names are relative to; default: the table's folder.
        targets: other tasks, whose names are taken.

    Returns:
        For each column, the task, or why there is none.
    """
    found: dict[str, Target | str] = {}
    taken = {each.task for each in targets}
    for column in others:
        cells = known_cells(table[column.name], missing)
        if column.kind not in ("image", "identifier", "text") or not len(cells):
            continue
        if column.kind != "image" and not names_maps(column.name, cells):
            continue
        folder = table.attrs.get("embedded", {}).get(column.name) or image_folder
        source = sources[0]
        if folder is not None:
            source = replace(source, folder=folder, root=folder)
        elif prefixes := table.attrs.get("prefixes"):
            owners = pd.Series(prefixes, index=table.index)[cells.index]
            cells = owners.astype(str) + cells.astype(str)
            source = replace(source, folder=source.root)
        kind = map_kind(column.name, cells, source)
        if isinstance(kind, str):
            found[column.name] = kind
        else:
            task = task_name(column.name, taken)
            taken.add(task)
            found[column.name] = Target(task, [column], maps=kind)
    return found


def _ones(column: Column) -> int:
    return sum(
        count for name, count in column.counts.items() if name.lower() in ("1", "true", "yes")
    )


def _common_name(names: Sequence[str]) -> str:
    ends = class_names(names)
    common = names[0][: len(names[0]) - len(ends[0])].strip("_-. :")
    return common if len(common) > 2 else "label"
