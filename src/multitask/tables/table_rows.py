"""The rows of one or several tables, and the image file of each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from pandas import DataFrame

from multitask.errors import InputError, nearest
from multitask.tables.cleaning import Finding, Findings, Row
from multitask.tables.image_paths import ImagePaths, repeated
from multitask.tables.table_file import read_table, row_number
from multitask.tables.table_sources import Source, tables

Places = np.ndarray[Any, np.dtype[np.int64]]


@dataclass(frozen=True)
class TableRows:
    """Rows and where each comes from.

    Args:
        table: their cells; the index is each row's number, as a person counts.
        sources: the tables.
        source: of each row, its place in ``sources``; shape ``[rows]``.
        files: of each row, the name of its image.
        paths: of each row, where its image lies; empty before `located`.
    """

    table: DataFrame
    sources: Sequence[Source]
    source: Places
    files: list[str]
    paths: list[str]

    def __len__(self) -> int:
        """Number of rows."""
        return len(self.table)

    def row(self, place: int) -> Row:
        """A row, as a person finds it."""
        table = self.sources[self.source[place]].table
        return Row(table, int(self.table.index[place]), self.files[place])

    def without(self, places: set[int], findings: Findings) -> TableRows:
        """The rows that are left without some.

        Args:
            places: of the rows to leave out.
            findings: why.

        Raises:
            InputError: if none is left.
        """
        if not places:
            return self
        rows = np.array([each for each in range(len(self)) if each not in places], dtype=np.int64)
        if len(rows) == 0:
            raise InputError(f"{tables(self.sources)}: {findings.nothing_left()}")
        paths = [self.paths[each] for each in rows] if self.paths else []
        files = [self.files[each] for each in rows]
        return TableRows(self.table.iloc[rows], self.sources, self.source[rows], files, paths)


def read_rows(
    sources: Sequence[Source], image_column: str, columns: Sequence[str], separator: str | None
) -> TableRows:
    """Read all tables.

    Args:
        sources: the tables.
        image_column: the column of file names.
        columns: others that each table needs.
        separator: see `multitask.tables.table_file.read_table`.

    Raises:
        InputError: if a table cannot be read, lacks a column, or a cell is no file name.
    """
    parts = [read_table(each.table, separator) for each in sources]
    files: list[str] = []
    for number, (source, table) in enumerate(zip(sources, parts, strict=True)):
        _check_columns(source, table, [image_column, *columns])
        table.index = [row_number(source.table, place) for place in table.index]
        files += _file_names(source, table, image_column)
        if len(parts) > 1:
            # Tables that belong together may differ in columns that nobody uses.
            parts[number] = table[list(dict.fromkeys([image_column, *columns]))].astype(object)
    owners = np.repeat(np.arange(len(parts)), [len(each) for each in parts])
    whole = parts[0] if len(parts) == 1 else pd.concat(parts)
    return TableRows(whole, sources, owners, files, [])


def located(rows: TableRows, image_column: str, findings: Findings) -> TableRows:
    """Find each row's image file, without opening any, and leave out rows as the policies say.

    Args:
        rows: the rows.
        image_column: the column of file names.
        findings: gets what is found.

    Raises:
        InputError: where the policy for what is found is ``error``.
    """
    finders = [ImagePaths(each.folder, each.root) for each in rows.sources]
    paths: list[str] = []
    real_paths: list[str] = []
    found: list[Finding] = []
    gone: set[int] = set()
    cells = rows.table[image_column].tolist()
    for place, (cell, source) in enumerate(zip(cells, rows.source.tolist(), strict=True)):
        path, real, problems = finders[source].find(cell)
        paths.append(path)
        real_paths.append(real)
        for problem in problems:
            found.append(Finding(rows.row(place), problem.kind, problem.reason, hint=problem.hint))
            if findings.policy(problem.kind) == "skip":
                gone.add(place)
    findings.add(found)
    kept = [place for place in range(len(rows)) if place not in gone]
    twice = repeated([real_paths[place] for place in kept])
    findings.add(
        [
            Finding(rows.row(kept[later]), "duplicate_row", _same(rows.row(kept[first])))
            for later, first in twice.items()
        ]
    )
    if findings.policy("duplicate_row") == "skip":
        gone |= {kept[later] for later in twice}
    whole = TableRows(rows.table, rows.sources, rows.source, rows.files, paths)
    return whole.without(gone, findings)


def _same(first: Row) -> str:
    return f"the file is also that of row {first.number} of {first.table}"


def _check_columns(source: Source, table: DataFrame, columns: Sequence[str]) -> None:
    names = [str(each) for each in table.columns]
    for column in columns:
        if column not in table:
            listed = ", ".join(names[:12]) or "none"
            advice = nearest(column, names) or f"; its columns: {listed}"
            raise InputError(f"{source.table} has no column '{column}'{advice}")


def _file_names(source: Source, table: DataFrame, image_column: str) -> list[str]:
    cells = table[image_column].tolist()
    for number, cell in zip(table.index, cells, strict=True):
        if not isinstance(cell, str) or not cell:
            what = (
                "the cell is empty" if cell is None or cell != cell else f"{cell!r:.60} is no text"
            )
            raise InputError(
                f"{source.table}, row {number}, column '{image_column}': {what}; give the name of "
                "the row's image file"
            )
    return [source.prefix + cell for cell in cells]
