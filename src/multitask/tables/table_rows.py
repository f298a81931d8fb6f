"""The rows of one or more tables, and their image files."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from pandas import DataFrame

from multitask.errors import InputError, nearest
from multitask.tables.cleaning import Finding, Findings, Row
from multitask.tables.image_paths import ImagePaths, PathProblem, repeated
from multitask.tables.table_file import read_table, row_number
from multitask.tables.table_sources import Source, tables

NAMELESS = PathProblem("empty_file_name", "the cell for the image's file name is empty")

Places = np.ndarray[Any, np.dtype[np.int64]]


@dataclass(frozen=True)
class TableRows:
    """Rows and their sources.

    Args:
        table: the cells; the index holds the row numbers to display.
        sources: the tables.
        source: index of each row's table in ``sources``; shape ``[rows]``.
        files: name of each row's image; empty if it has none.
        paths: path of each row's image; empty before `located` is called.
        embedded: for each column whose cells contained images, the folder that they were written
            to.
    """

    table: DataFrame
    sources: Sequence[Source]
    source: Places
    files: list[str]
    paths: list[str]
    embedded: dict[str, Path] = field(default_factory=dict)

    def __len__(self) -> int:
        """Number of rows."""
        return len(self.table)

    def row(self, place: int) -> Row:
        """Return the location of a row, for messages."""
        table = self.sources[self.source[place]].table
        return Row(table, int(self.table.index[place]), self.files[place])

    def without(self, places: set[int], findings: Findings) -> TableRows:
        """Return the rows without some of them.

        Args:
            places: indices of the rows to remove.
            findings: the reasons.

        Raises:
            InputError: if no row is left.
        """
        if not places:
            return self
        rows = np.array([each for each in range(len(self)) if each not in places], dtype=np.int64)
        if len(rows) == 0:
            raise InputError(f"{tables(self.sources)}: {findings.nothing_left()}")
        paths = [self.paths[each] for each in rows] if self.paths else []
        files = [self.files[each] for each in rows]
        return replace(
            self, table=self.table.iloc[rows], source=self.source[rows], files=files, paths=paths
        )


def read_rows(
    sources: Sequence[Source],
    image_column: str | None,
    columns: Sequence[str],
    separator: str | None,
    ending: str = "",
    cache_folder: Path | None = None,
) -> TableRows:
    """Read all tables.

    Args:
        sources: the tables.
        image_column: the column of file names, or of the images in a Parquet file; None if there
            are no images.
        columns: other columns that each table must have.
        separator: see `multitask.tables.table_file.read_table`.
        ending: suffix of the files, if the table omits it.
        cache_folder: folder to which images in a Parquet file are written.

    Raises:
        InputError: if a table cannot be read, lacks a column, or a cell is not a file name.
    """
    parts = [read_table(each.table, separator, cache_folder) for each in sources]
    used: list[Source] = []
    files: list[str] = []
    embedded: dict[str, Path] = {}
    for number, (source, table) in enumerate(zip(sources, parts, strict=True)):
        needed = [*([] if image_column is None else [image_column]), *columns]
        _check_columns(source, table, needed)
        table.index = [row_number(source.table, place) for place in table.index]
        embedded |= table.attrs.get("embedded", {})
        pictures = table.attrs.get("embedded", {}).get(image_column)
        used.append(replace(source, folder=pictures, root=pictures) if pictures else source)
        if image_column is None:
            files += [""] * len(table)
        else:
            names = file_names(source, table, image_column, "" if pictures else ending)
            table[image_column] = pd.Series(names, index=table.index, dtype=object)
            files += shown_names(source, names, table.index.tolist(), pictures is not None)
        if len(parts) > 1:
            # Tables that are read together may differ in unused columns.
            parts[number] = table[list(dict.fromkeys(needed))].astype(object)
    owners = np.repeat(np.arange(len(parts)), [len(each) for each in parts])
    whole = parts[0] if len(parts) == 1 else pd.concat(parts)
    return TableRows(whole, used, owners, files, [], embedded)


def located(
    rows: TableRows, image_column: str, findings: Findings, may_repeat: bool = False
) -> TableRows:
    """Find each row's image file, without opening any, and skip rows according to the policies.

    Args:
        rows: the rows.
        image_column: the column of file names.
        findings: collects the problems.
        may_repeat: whether several rows may have the same image, because they differ in other
            inputs.

    Raises:
        InputError: if the policy for a problem is ``error``.
    """
    finders = [ImagePaths(each.folder, each.root) for each in rows.sources]
    paths: list[str] = []
    real_paths: list[str] = []
    found: list[Finding] = []
    gone: set[int] = set()
    cells = rows.table[image_column].tolist()
    for place, (cell, source) in enumerate(zip(cells, rows.source.tolist(), strict=True)):
        path, real, problems = finders[source].find(cell) if cell else ("", "", [NAMELESS])
        paths.append(path)
        real_paths.append(real)
        for problem in problems:
            column = "" if cell else image_column
            row = rows.row(place)
            found.append(Finding(row, problem.kind, problem.reason, column, problem.hint))
            if findings.policy(problem.kind) == "skip":
                gone.add(place)
    findings.add(found)
    # Rows without a name do not count as duplicates.
    kept = [place for place in range(len(rows)) if place not in gone and cells[place]]
    twice = {} if may_repeat else repeated([real_paths[place] for place in kept])
    findings.add(
        [
            Finding(rows.row(kept[later]), "duplicate_row", _same(rows.row(kept[first])))
            for later, first in twice.items()
        ]
    )
    if findings.policy("duplicate_row") == "skip":
        gone |= {kept[later] for later in twice}
    return replace(rows, paths=paths).without(gone, findings)


def _same(first: Row) -> str:
    return f"the file is also in row {first.number} of {first.table}"


def _check_columns(source: Source, table: DataFrame, columns: Sequence[str]) -> None:
    names = [str(each) for each in table.columns]
    for column in columns:
        if column not in table:
            listed = ", ".join(names[:12]) or "none"
            advice = nearest(column, names) or f"; its columns: {listed}"
            raise InputError(f"{source.table} has no column '{column}'{advice}")


def file_names(source: Source, table: DataFrame, image_column: str, ending: str) -> list[str]:
    """Return the file name of each row; empty if its cell is empty.

    Args:
        source: the table, for messages.
        table: the cells; the index holds the row numbers to display.
        image_column: the column of file names.
        ending: suffix to append to names that lack it.

    Raises:
        InputError: if a cell is not text.
    """
    names = []
    for number, cell in zip(table.index, table[image_column].tolist(), strict=True):
        if isinstance(cell, int | np.integer) and not isinstance(cell, bool):
            cell = str(cell)
        if cell is None or cell != cell:
            cell = ""
        if not isinstance(cell, str):
            raise InputError(
                f"{source.table}, row {number}, column '{image_column}': {cell!r:.60} is not text; "
                "give the name of the row's image file"
            )
        names.append(cell + ending if cell and not cell.endswith(ending or "/") else cell)
    return names


def shown_names(source: Source, names: list[str], numbers: list[int], embedded: bool) -> list[str]:
    """Return the image names of the rows for display.

    Args:
        source: the table.
        names: see `file_names`.
        numbers: the row numbers.
        embedded: whether the images are stored in the table's cells.
    """
    if not embedded:
        return [source.prefix + each for each in names]
    own = [os.path.basename(each) for each in names]
    if len(set(own)) == len(own):
        return [source.prefix + each for each in own]
    return [f"{source.prefix}{source.table.name}, row {number}" for number in numbers]
