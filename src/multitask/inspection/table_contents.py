"""A table read for a training: its images, its targets, and how its rows can be divided."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from multitask.data.image_paths import ImagePaths, PathProblem
from multitask.data.split_check import SPLITS
from multitask.data.splits.by_column import WORDS
from multitask.data.table_file import CSV_ENDINGS, SEPARATORS, read_table
from multitask.errors import InputError, nearest
from multitask.images.decoding import FILE_FORMATS
from multitask.inspection.column_kinds import (
    Column,
    as_numbers,
    column_kinds,
    is_number,
)
from multitask.inspection.image_samples import ImageSample, sample_images
from multitask.inspection.name_hints import says_group
from multitask.inspection.table_cells import missing_texts
from multitask.inspection.task_names import task_name
from multitask.inspection.vectors import vectors

CONVENTIONAL = ("file_name", "image", "filename", "file", "path", "image_path")
FEWEST_GROUPS = 3
SAMPLE = 200
"""Images that are looked at."""


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
    if not targets:
        raise InputError(
            f"{path} has no column to learn from beside its images in '{image}'; add one of "
            "classes or numbers"
        )
    return TableContents(
        path=path,
        rows=len(table),
        separator=separator,
        missing=missing,
        image_column=image,
        image_folder=image_folder,
        images=_images(path, table[image], image_folder),
        targets=targets,
        split=split,
        group=group,
        left_out={
            each.name: _why(each)
            for each in others
            if each.kind not in ("classes", "numbers") and each not in (split, group)
        },
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
        f"{path} has no column of image files, such as a.png; name it with --image_column=, one of "
        f"{listed}"
    )


def _images(path: Path, cells: pd.Series, folder: Path | None) -> ImageSample:
    if folder is not None and not folder.is_dir():
        raise InputError(f"--image_folder is {folder}, which is no folder that is there")
    names = [str(each) for each in cells.dropna()]
    if not names:
        raise InputError(f"{path}, column '{cells.name}': every cell is empty; choose another one")
    root = folder or path.parent
    finder = ImagePaths(root, root)
    places = np.linspace(0, len(names) - 1, min(SAMPLE, len(names))).astype(int)
    found = [finder.find(names[place]) for place in places]
    usable = [Path(file) for file, _, problems in found if not problems]
    if not usable:
        problem = found[0][2][0]
        raise InputError(
            f"none of the images of {path} can be used, such as '{names[0]}': {problem.reason}"
            f"{problem.hint or _advice(root, names[0], problem)}"
        )
    if (sample := sample_images(usable)) is None:
        raise InputError(
            f"none of the files that {path} names is an image that can be read, such as "
            f"{usable[0]}; it should be one of {', '.join(FILE_FORMATS)}"
        )
    return sample


def _advice(root: Path, name: str, problem: PathProblem) -> str:
    if problem.kind == "symbolic_link":
        return "; set --image_folder= to the folder that it leads to, or copy the files"
    near = next((each for each in sorted(root.glob("*/")) if (each / name).is_file()), None)
    return f"; did you mean --image_folder={near}?" if near else "; set --image_folder="


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


def _why(column: Column) -> str:
    if column.kind == "split":
        return (
            "it names splits, but not all of train, val and test for every row; complete it and "
            "divide by it with multitask.data.splits.ByColumn"
        )
    if column.kind == "group":
        return (
            "it names things that come in several rows; if they must not be in two splits, divide "
            f"by them with multitask.data.splits.GroupedSplit and by: {column.name}"
        )
    reasons = {
        "image": "it names other image files",
        "identifier": "it tells rows apart and holds nothing to learn",
        "text": "it is free text",
        "constant": "it is constant",
        "empty": "it has no cells",
    }
    reason = reasons[column.kind]
    if column.kind == "text" and column.remark:
        return column.remark
    return f"{reason} ({column.remark})" if column.remark else reason
