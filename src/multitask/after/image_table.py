"""New images listed in a table, and its columns."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path

import pandas as pd
import pyarrow as pa

from multitask.after.image_list import ImageList, listed_images
from multitask.errors import InputError, nearest
from multitask.inspection.column_kinds import column_kinds
from multitask.inspection.image_column import ImageColumn, find_images
from multitask.inspection.table_cells import missing_texts
from multitask.tables.image_paths import ImagePaths
from multitask.tables.table_file import ENDINGS, read_table, row_number, separator_of
from multitask.tables.table_rows import NAMELESS, file_names, shown_names
from multitask.tables.table_sources import Source

LOOKED_AT = 2000
"""Number of rows that are inspected to find the column of images."""


def new_images(
    subjects: Sequence[str | Path],
    image_column: str | None = None,
    image_folder: Path | None = None,
    but: Path | None = None,
) -> ImageList:
    """Find the images that the user names.

    Args:
        subjects: folders and files of images; or one table: CSV, Parquet or JSON Lines.
        image_column: column of a table with file names, or with images in the cells of a Parquet
            file; default: detected from its cells.
        image_folder: folder that the file names of a table are relative to; default: the table's
            folder.
        but: a folder whose files are ignored.

    Raises:
        InputError: if there are none, or a table cannot be read.
    """
    tables = [each for each in subjects if is_table(each)]
    if tables and len(subjects) > 1:
        raise InputError(f"{tables[0]} is a table; give only one table, or images and folders")
    if tables:
        return table_images(Path(tables[0]), image_column, image_folder)
    if image_column is not None or image_folder is not None:
        name = "image_column" if image_column is not None else "image_folder"
        raise InputError(f"--{name} is for tables, but {subjects[0]} is not one; remove it")
    return listed_images(subjects, but)


def table_images(
    path: Path, image_column: str | None = None, image_folder: Path | None = None
) -> ImageList:
    """Find the images of a table.

    A row without a usable file is kept, with the reason. Links are followed.

    Args:
        path: see `new_images`.
        image_column: see `new_images`.
        image_folder: see `new_images`.

    Raises:
        InputError: if it cannot be read, or does not have a column of images.
    """
    return images_of(path, read_table(path, separator_of(path)), image_column, image_folder)


def images_of(
    path: Path, table: pd.DataFrame, image_column: str | None, image_folder: Path | None
) -> ImageList:
    """Find the images of a table that has already been read.

    Args:
        path: path of the table.
        table: see `multitask.tables.table_file.read_table`; its images and its index are modified.
        image_column: see `new_images`.
        image_folder: see `new_images`.

    Raises:
        InputError: if it does not have a column of images.
    """
    if image_folder is not None and not image_folder.is_dir():
        raise InputError(f"--image_folder is {image_folder}, which is not an existing folder")
    folder = image_folder or path.parent
    source = Source(path, folder, folder)
    column = _image_column(path, table, source, image_column)
    table.index = pd.Index([row_number(path, place) for place in table.index])
    names = file_names(source, table, column.name, column.ending)
    shown = shown_names(source, names, table.index.tolist(), column.embedded is not None)
    if column.embedded is not None:
        own = [name if found else None for name, found in zip(shown, names, strict=True)]
        table[column.name] = pd.Series(own, index=table.index, dtype=object)
        folder = column.embedded
    paths, problems = _found(names, folder)
    return ImageList(paths, problems, shown, columns_of(table), str(path))


def is_table(subject: str | Path) -> bool:
    """Whether a path is that of a table, by its name."""
    return Path(subject).suffix.lower() in ENDINGS and not os.path.isdir(subject)


def _image_column(
    path: Path, table: pd.DataFrame, source: Source, given: str | None
) -> ImageColumn:
    names = [str(each) for each in table.columns]
    if given is not None and given not in names:
        raise InputError(f"{path} has no column '{given}' for the images{nearest(given, names)}")
    sample = table.head(LOOKED_AT)
    kinds = column_kinds(sample, missing_texts(sample))
    found = find_images(path, sample, kinds, source, given)
    if found is None:
        listed = ", ".join(f"'{each}'" for each in names[:12])
        raise InputError(
            f"{path} has no column of image files, such as a.png; name it with --image_column="
            + (f", one of {listed}" if listed else "; it has no columns at all")
        )
    return found


def _found(names: Sequence[str], folder: Path) -> tuple[list[str | None], dict[int, str]]:
    finder = ImagePaths(folder, folder)
    paths: list[str | None] = []
    reasons: dict[int, str] = {}
    for place, name in enumerate(names):
        path, _, problems = finder.find(name) if name else ("", "", [NAMELESS])
        # For images that are only read, the target of a link does not matter.
        serious = [each for each in problems if each.kind != "symbolic_link"]
        if serious:
            reasons[place] = serious[0].reason
        paths.append(None if serious else path)
    return paths, reasons


def columns_of(table: pd.DataFrame) -> pa.Table:
    """The columns of a table as the user gave them.

    Args:
        table: see `multitask.tables.table_file.read_table`.
    """
    return pa.table({str(name): _column(table[name]) for name in table.columns})


def _column(cells: pd.Series) -> pa.Array:
    try:
        found = pa.Array.from_pandas(cells)
    except (pa.ArrowException, TypeError, ValueError, OverflowError):
        # A column of mixed types, as JSON allows.
        texts = [_text(each) for each in cells]
        return pa.array(texts, pa.string())
    return found.cast(pa.string()) if pa.types.is_null(found.type) else found


def _text(cell: object) -> str | None:
    if cell is None or cell != cell:
        return None
    return cell if isinstance(cell, str) else json.dumps(cell, ensure_ascii=False, default=str)
