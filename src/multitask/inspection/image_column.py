"""Detection of the column that contains each row's image."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from multitask.errors import InputError
from multitask.inspection.column_kinds import Column
from multitask.inspection.map_kinds import says_map
from multitask.tables.class_folders import is_image_name
from multitask.tables.table_sources import Source

CONVENTIONAL = ("file_name", "image", "filename", "file", "path", "image_path")
LOOKED_AT = 200
MOST = 0.5
"""Fraction of cells that must name existing files for a column to contain images."""


@dataclass(frozen=True)
class ImageColumn:
    """A column of images.

    Args:
        name: name of the column.
        ending: suffix of the files, if the table omits it.
        embedded: the folder of the files, if the images are stored in the table's cells.
    """

    name: str
    ending: str = ""
    embedded: Path | None = None


def find_images(
    path: Path, table: pd.DataFrame, columns: Sequence[Column], source: Source, given: str | None
) -> ImageColumn | None:
    """Find the column of images; None if there is none.

    Args:
        path: path of the table, for messages.
        table: the cells.
        columns: the contents of the columns.
        source: the table and its image folder.
        given: the column's name, if specified by the user.

    Raises:
        InputError: if there is more than one.
    """
    embedded = table.attrs.get("embedded", {})
    if given is not None:
        return ImageColumn(given, _ending(table[given], source), embedded.get(given))
    names = [each.name for each in columns if each.kind == "image"]
    # Maps of an image are images themselves.
    names = [each for each in names if not says_map(each)] or names
    known = next((each for each in CONVENTIONAL if each in names), None)
    if known is not None or len(names) == 1:
        name = known or names[0]
        return ImageColumn(name, embedded=embedded.get(name))
    if names:
        listed = ", ".join(f"'{each}'" for each in names)
        raise InputError(
            f"{path} has several columns of images, {listed}; choose with --image_column="
        )
    for column in columns:
        if column.size == 1 and (ending := _ending(table[column.name], source)):
            return ImageColumn(column.name, ending)
    return None


def _ending(cells: pd.Series, source: Source) -> str:
    """Return the suffix that most names lack to be image files in the folder; else empty."""
    names = [str(each) for each in cells.dropna().head(LOOKED_AT)]
    folders = {os.path.dirname(each) for each in names}
    files = {
        os.path.join(folder, file)
        for folder in folders
        if os.path.isdir(source.folder / folder)
        for file in os.listdir(source.folder / folder)
        if is_image_name(file)
    }
    stems: dict[str, str] = {os.path.splitext(each)[0]: os.path.splitext(each)[1] for each in files}
    endings = Counter(stems[each] for each in names if each not in files and each in stems)
    ending, count = endings.most_common(1)[0] if endings else ("", 0)
    return ending if count >= MOST * len(names) else ""
