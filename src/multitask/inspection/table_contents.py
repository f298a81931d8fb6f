"""A table read for a training: its images, its targets, and how its rows can be divided."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal, cast

import pandas as pd

from multitask.data.splits import GivenSplit, given_split
from multitask.errors import InputError, nearest
from multitask.inspection.box_lists import refuse_rows_of_boxes
from multitask.inspection.boxes import boxes
from multitask.inspection.column_kinds import (
    Column,
    as_numbers,
    column_kinds,
    is_number,
)
from multitask.inspection.groups import Group, find_group
from multitask.inspection.image_column import ImageColumn, find_images
from multitask.inspection.image_samples import ImageSample, table_images
from multitask.inspection.left_out_columns import why_left_out
from multitask.inspection.map_kinds import MapKind, map_kind, names_maps
from multitask.inspection.natural_order import natural
from multitask.inspection.table_cells import known_cells, missing_texts
from multitask.inspection.task_names import task_name
from multitask.inspection.vectors import vectors
from multitask.remarks.columns import stand_in
from multitask.remarks.label_cells import LabelCells
from multitask.remarks.one_hot import class_names, one_hot
from multitask.remarks.yes_or_no import yes_or_no, yes_or_no_remark
from multitask.tables.table_file import read_table, separator_of
from multitask.tables.table_sources import SPLITS, Source, find_sources
from multitask.tables.target_cells import cell_text

MOST_REASONS = 3
FIFTHS = 5


@dataclass(frozen=True)
class Target:
    """A task, and the columns that hold its targets.

    Args:
        task: a valid name.
        columns: one, or those of a vector, in order.
        points: whether the columns are called x and y, as places in the image are.
        hot: of columns of which a single one is 1 in each row: the number of samples of each class.
        missing: numbers that stand for a missing one.
        maps: what the files hold, if the column names files of maps.
        box: what the four numbers are, if the columns are those of a box.
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
        """What the cells hold, if they are several labels each."""
        return self.columns[0].several

    @property
    def labels(self) -> list[str]:
        """The names of several labels, in order; empty for other targets."""
        return [] if self.several is None else natural(list(self.several.counts))

    @property
    def size(self) -> int:
        """Number of elements."""
        return sum(each.size for each in self.columns)


@dataclass(frozen=True)
class TableContents:
    """What there is in a table, or in the tables of several splits.

    Args:
        path: the table's file, or the folder.
        sources: the tables.
        rows: their number.
        separator: between the cells of a CSV file; None where it is the usual one.
        missing: texts that mean that a cell is missing.
        image: the column of the images' files.
        image_folder: what they are relative to; None where it is the table's own folder.
        images: what a sample of them looks like.
        targets: the tasks.
        split: a column that says each row's split, if there is one.
        group: a column that says which rows must stay together.
        left_out: by column, why it is not used.
    """

    path: Path
    sources: list[Source]
    rows: int
    separator: str | None
    missing: list[str]
    image: ImageColumn
    image_folder: Path | None
    images: ImageSample
    targets: list[Target]
    split: GivenSplit | None
    group: Group | None
    left_out: dict[str, str]

    @property
    def channels(self) -> int:
        """Of the images: 1 where all are grey, else 3."""
        return 1 if self.images.grey else 3

    @property
    def image_size(self) -> tuple[int, int]:
        """A sensible height and width; even if there are maps, which decoders double in size."""
        height, width = self.images.size
        if any(each.maps for each in self.targets):
            return height + height % 2, width + width % 2
        return height, width

    @property
    def lacking(self) -> list[str]:
        """Splits that have no table of their own, where others have."""
        own = {each.split for each in self.sources}
        return [] if own == {None} else [each for each in SPLITS if each not in own]


def read_contents(
    path: Path,
    image_column: str | None = None,
    image_folder: Path | None = None,
    keep_links: bool = False,
) -> TableContents:
    """Read a table and judge its columns.

    Args:
        path: its file, or a folder: see `multitask.tables.table_sources.find_sources`.
        image_column: the column of images; default: found by its cells.
        image_folder: what their names are relative to; default: the table's own folder.
        keep_links: whether links may lead out of the folder of images.

    Raises:
        InputError: if there is no such table, none of its columns has images, none of the images
            is found, a column seems to say which split a row belongs to but cannot be used, or
            nothing is left to learn.
    """
    if image_folder is not None and not image_folder.is_dir():
        raise InputError(f"--image_folder is {image_folder}, and there is no such folder")
    sources = find_sources(path, {}, image_folder, may_lack=("val", "test"))
    separator = separator_of(sources[0].table)
    table = _read(sources, separator)
    missing = missing_texts(table)
    columns = column_kinds(table, missing)
    _check_image_column(path, columns, image_column)
    image = find_images(path, table, columns, sources[0], image_column)
    split = _split(path, table, image, sources)
    others = [each for each in columns if each.name not in (image.name, split and split.column)]
    targets = _targets(table, others, missing)
    found_boxes = [[each.name for each in target.columns] for target in targets if target.box]
    refuse_rows_of_boxes(path, table[image.name], found_boxes, image.name)
    maps = _maps(table, others, missing, sources, image_folder, targets)
    targets += [each for each in maps.values() if isinstance(each, Target)]
    group = None
    if split is None and sources[0].split is None:
        group, targets = _group(table, columns, targets, image)
    used = {each.name for target in targets for each in target.columns}
    kept = used if group is None else {*used, group.column.name}
    left_out = {each.name: why_left_out(each) for each in others if each.name not in kept}
    left_out |= {name: each for name, each in maps.items() if isinstance(each, str)}
    if not targets:
        _refuse_nothing(path, image, left_out)
    return TableContents(
        path=path,
        sources=sources,
        rows=len(table),
        separator=separator,
        missing=missing_texts(table[sorted(used)]),
        image=image,
        image_folder=image_folder,
        images=table_images(path, table[image.name], image, image_folder, keep_links),
        targets=targets,
        split=split,
        group=group,
        left_out=left_out,
    )


def _check_image_column(path: Path, columns: Sequence[Column], image_column: str | None) -> None:
    names = [each.name for each in columns]
    if image_column is not None and image_column not in names:
        raise InputError(
            f"{path} has no column '{image_column}' for the images{nearest(image_column, names)}"
        )


def _read(sources: Sequence[Source], separator: str | None) -> pd.DataFrame:
    parts = [read_table(each.table, separator) for each in sources]
    if len(parts) == 1:
        return parts[0]
    common = [name for name in parts[0].columns if all(name in each for each in parts)]
    whole = pd.concat([each[common].astype(object) for each in parts], ignore_index=True)
    whole.attrs.update(parts[0].attrs)
    owners = [source for source, part in zip(sources, parts, strict=True) for _ in range(len(part))]
    whole.attrs["prefixes"] = [each.prefix for each in owners]
    return whole


def _refuse_nothing(path: Path, image: ImageColumn, left_out: Mapping[str, str]) -> None:
    reasons = "".join(
        f", {_named(name)}: {why}" for name, why in list(left_out.items())[:MOST_REASONS]
    )
    raise InputError(
        f"{path} has no column to learn from beside its images in '{image.name}'{reasons}; add one "
        "of classes or numbers"
    )


def _named(column: str) -> str:
    return f"'{column}'" if column else "the column without a name"


def _split(
    path: Path, table: pd.DataFrame, image: ImageColumn, sources: Sequence[Source]
) -> GivenSplit | None:
    if sources[0].split is not None:
        return None
    try:
        return given_split(table, [image.name])
    except InputError as error:
        raise InputError(f"{path}: {error}") from error


def _group(
    table: pd.DataFrame, columns: Sequence[Column], targets: list[Target], image: ImageColumn
) -> tuple[Group | None, list[Target]]:
    """The group, if there is one, and the targets beside it."""
    labels: dict[str, Sequence[str]] = {}
    for target in targets:
        is_single = len(target.columns) == 1 and target.size == 1
        if is_single and target.maps is None and target.several is None:
            name = target.columns[0].name
            if target.classes:
                labels[name] = table[name].fillna("").map(cell_text).astype(str).tolist()
            else:
                known = pd.to_numeric(table[name], errors="coerce").rank(pct=True)
                fifths = (known * FIFTHS).fillna(-1).astype(int)
                labels[f"{name} (in fifths)"] = fifths.astype(str).tolist()
    judged = [each for each in columns if each.name != image.name or each.kind == "image"]
    group = find_group(table, judged, labels)
    if group is None:
        return None, targets
    kept = [each for each in targets if group.column not in each.columns]
    return (group, kept) if kept else (None, targets)


def _without_stand_ins(
    table: pd.DataFrame, columns: list[Column], missing: Sequence[str]
) -> dict[str, float]:
    """Replace columns in which a number stands for a missing one; that number, by column."""
    stand_ins: dict[str, float] = {}
    for place, column in enumerate(columns):
        if column.kind == "numbers" and column.size == 1:
            found = stand_in(known_cells(table[column.name], missing))
            if found is not None:
                value, count, low, high = found
                stand_ins[column.name] = value
                columns[place] = column.without(value, count, (low, high))
    return stand_ins


def _targets(table: pd.DataFrame, others: Sequence[Column], missing: Sequence[str]) -> list[Target]:
    columns = [each for each in others if each.kind in ("classes", "numbers", "labels")]
    stand_ins = _without_stand_ins(table, columns, missing)
    together: dict[str, tuple[str, list[Column], bool, dict[str, int]]] = {}
    by_name = {each.name: each for each in columns}
    whole = {
        each.name: table[each.name]
        for each in columns
        if each.missing == 0 and each.size == 1 and len(each.counts) == 2
    }
    for names in one_hot(whole):
        found_columns = [by_name[each] for each in names]
        hot = dict(zip(class_names(names), [_ones(each) for each in found_columns], strict=True))
        part = (_common_name(names), found_columns, False, hot)
        together.update(dict.fromkeys(names, part))
    single = [each.name for each in columns if is_number(each) and each.name not in together]
    forms: dict[str, str] = {}
    for box, names, form in boxes(table, single):
        part = (box, [as_numbers(by_name[each]) for each in names], False, {})
        together.update(dict.fromkeys(names, part))
        forms[names[0]] = form
    single = [name for name in single if name not in together]
    for vector, names, is_axes in vectors(single):
        parts = [by_name[each] for each in names]
        if is_axes or any(each.kind == "numbers" for each in parts):
            part = (vector, [as_numbers(each) for each in parts], is_axes, {})
            together.update(dict.fromkeys(names, part))
    apart = {each.name: each.counts for each in columns if each.name not in together}
    answers = {names[0]: yes_or_no_remark(names) for names in yes_or_no(apart)}
    targets: dict[str, Target] = {}
    for column in columns:
        if column.name in answers:
            said = "; also, ".join(filter(None, [column.remark, answers[column.name]]))
            column = replace(column, remark=said)
        default: tuple[str, list[Column], bool, dict[str, int]] = (column.name, [column], False, {})
        name, parts, points, hot = together.get(column.name, default)
        if column.name == parts[0].name:
            task = task_name(name, targets)
            gone = sorted({stand_ins[each.name] for each in parts if each.name in stand_ins})
            box_form = cast("Literal['xyxy', 'xywh', 'cxcywh'] | None", forms.get(column.name))
            targets[task] = Target(task, parts, points, hot, gone, box=box_form)
    return list(targets.values())


def _maps(
    table: pd.DataFrame,
    others: Sequence[Column],
    missing: Sequence[str],
    sources: Sequence[Source],
    image_folder: Path | None,
    targets: Sequence[Target],
) -> dict[str, Target | str]:
    """By column that names files of maps, the task, or why there is none."""
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
