"""A table read for a training: its images, its targets, and how its rows can be divided."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from multitask.data.split_check import SPLITS
from multitask.data.splits.by_column import WORDS
from multitask.errors import InputError, nearest
from multitask.inspection.column_kinds import (
    Column,
    as_numbers,
    column_kinds,
    is_number,
)
from multitask.inspection.image_samples import ImageSample, table_images
from multitask.inspection.left_out_columns import why_left_out
from multitask.inspection.name_hints import says_group
from multitask.inspection.table_cells import missing_texts
from multitask.inspection.task_names import task_name
from multitask.inspection.vectors import vectors
from multitask.tables.table_file import CSV_ENDINGS, SEPARATORS, read_table

CONVENTIONAL = ("file_name", "image", "filename", "file", "path", "image_path")
FEWEST_GROUPS, MOST_REASONS = 3, 3


@dataclass(frozen=True)
class Target:
    """A task, and the columns that hold its targets.

    Args:
        task: a valid name.
        columns: one, or those of a vector, in order.
        points: whether the columns are called x and y, as places in the image are.
    """

    task: str
    columns: list[Column]
    points: bool = False

    @property
    def classes(self) -> dict[str, int]:
        """The number of samples of each class; empty for numbers."""
        return self.columns[0].counts

    @property
    def size(self) -> int:
        """Number of elements."""
        return sum(each.size for each in self.columns)


@dataclass(frozen=True)
class TableContents:
    """What there is in a table.

    Args:
        path: the table's file.
        rows: their number.
        separator: between the cells of a CSV file; None where it is the usual one.
        missing: texts that mean that a cell is missing.
        image_column: the column of the images' files.
        image_folder: what they are relative to; None where it is the table's own folder.
        images: what a sample of them looks like.
        targets: the tasks.
        split: a column that says each row's split, if one can be used.
        group: a column whose name says that rows with the same cell must stay together.
        left_out: by column, why it is not used.
    """

    path: Path
    rows: int
    separator: str | None
    missing: list[str]
    image_column: str
    image_folder: Path | None
    images: ImageSample
    targets: list[Target]
    split: Column | None
    group: Column | None
    left_out: dict[str, str]

    @property
    def channels(self) -> int:
        """Of the images: 1 where all are grey, else 3."""
        return 1 if self.images.grey else 3


def read_contents(
    path: Path, image_column: str | None = None, image_folder: Path | None = None
) -> TableContents:
    """Read a table and judge its columns.

    Args:
        path: its file.
        image_column: the column of images; found by its cells where not given.
        image_folder: what their names are relative to; the table's own folder where not given.

    Raises:
        InputError: if there is no such table, none of its columns has images, none of the images
            is found, or nothing is left to learn.
    """
    separator = _separator(path)
    table = read_table(path, separator)
    missing = missing_texts(table)
    columns = column_kinds(table, missing)
    image = image_column or _image_column(path, columns)
    if image not in table.columns:
        names = [each.name for each in columns]
        raise InputError(f"{path} has no column '{image}' for the images{nearest(image, names)}")
    others = [each for each in columns if each.name != image]
    split = next((each for each in others if _divides(each)), None)
    group = next((each for each in others if _groups(each)), None)
    targets = _targets([each for each in others if each.kind in ("classes", "numbers")])
    left_out = {
        each.name: why_left_out(each)
        for each in others
        if each.kind not in ("classes", "numbers") and each not in (split, group)
    }
    if not targets:
        reasons = "".join(
            f", '{name}': {why}" for name, why in list(left_out.items())[:MOST_REASONS]
        )
        raise InputError(
            f"{path} has no column to learn from beside its images in '{image}'{reasons}; add one "
            "of classes or numbers"
        )
    return TableContents(
        path=path,
        rows=len(table),
        separator=separator,
        missing=missing,
        image_column=image,
        image_folder=image_folder,
        images=table_images(path, table[image], image_folder),
        targets=targets,
        split=split,
        group=group,
        left_out=left_out,
    )


def _separator(path: Path) -> str | None:
    usual = CSV_ENDINGS.get(path.suffix.lower())
    if usual is None or not path.is_file():
        return None
    with path.open(encoding="utf-8-sig", errors="replace") as file:
        header = file.readline()
    found = [each for each in SEPARATORS if each in header and each != usual]
    return found[0] if usual not in header and found else None


def _image_column(path: Path, columns: Sequence[Column]) -> str:
    names = [each.name for each in columns if each.kind == "image"]
    known = next((each for each in CONVENTIONAL if each in names), None)
    if known is not None or len(names) == 1:
        return known or names[0]
    if names:
        listed = ", ".join(f"'{each}'" for each in names)
        raise InputError(
            f"{path} has several columns of images, {listed}; choose with --image_column="
        )
    listed = ", ".join(f"'{each.name}'" for each in columns[:12])
    raise InputError(
        f"{path} has no column of image files, such as a.png; name it with --image_column="
        + (f", one of {listed}" if listed else "; it has no columns at all")
    )


def _divides(column: Column) -> bool:
    known = set(column.counts) <= set(WORDS) and column.missing == 0
    splits = {WORDS[each] for each in column.counts if each in WORDS}
    return column.kind == "split" and known and splits == set(SPLITS)


def _groups(column: Column) -> bool:
    whole = column.missing == 0 and column.distinct >= FEWEST_GROUPS
    return column.kind == "group" and says_group(column.name) and whole


def _targets(columns: Sequence[Column]) -> list[Target]:
    by_name = {each.name: each for each in columns}
    single = [each.name for each in columns if is_number(each)]
    together: dict[str, tuple[str, list[Column], bool]] = {}
    for vector, names, is_axes in vectors(single):
        found = [by_name[each] for each in names]
        if is_axes or any(each.kind == "numbers" for each in found):
            part = (vector, [as_numbers(each) for each in found], is_axes)
            together.update(dict.fromkeys(names, part))
    targets: dict[str, Target] = {}
    for column in columns:
        name, parts, points = together.get(column.name, (column.name, [column], False))
        if column.name == parts[0].name:
            task = task_name(name, targets)
            targets[task] = Target(task, parts, points)
    return list(targets.values())
