"""The map files that a column of a table names."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence

import numpy as np
from pandas import Series

from multitask.images.decoding import UnusableImage
from multitask.tables.cleaning import Finding, Findings
from multitask.tables.image_paths import ImagePaths
from multitask.tables.table_rows import TableRows
from multitask.tables.target_cells import UNREADABLE
from multitask.tables.target_columns import TargetColumns


def map_files(
    rows: TableRows, name: str, target: TargetColumns, cells: Series, findings: Findings
) -> tuple[list[str], set[int]]:
    """Find the map file of each row, without opening any.

    Args:
        rows: the rows.
        name: name of the task.
        target: the target, which has one column of maps.
        cells: see `multitask.tables.target_cells.blank`; shape ``[rows]``.
        findings: collects the problems.

    Returns:
        The path of each row's map, empty if there is none; and the indices of the rows that the
        policies skip.

    Raises:
        InputError: if the policy for a problem is ``error``.
    """
    (column,) = target.names
    folder = target.map_folder or rows.embedded.get(column)
    finders = [ImagePaths(folder or each.folder, folder or each.root) for each in rows.sources]
    paths: list[str] = []
    found: list[Finding] = []
    gone: set[int] = set()
    for place, (cell, source) in enumerate(zip(cells, rows.source.tolist(), strict=True)):
        paths.append("")
        if cell is None:
            continue
        if not isinstance(cell, str | int | np.integer) or isinstance(cell, bool):
            reason = f"the cell {cell!r:.40} is not a file name"
            found.append(Finding(rows.row(place), UNREADABLE, reason, column))
            continue
        file = str(cell)
        if target.map_ending:
            file = os.path.splitext(file)[0] + target.map_ending
        path, _, problems = finders[source].find(file)
        kept = True
        for each in problems:
            kind = "missing_map" if each.kind == "missing_file" else each.kind
            hint = each.hint.replace("image_ending", f"targets.{name}.map_ending")
            found.append(Finding(rows.row(place), kind, each.reason, column, hint))
            kept = findings.policy(kind) == "keep"
            if findings.policy(kind) == "skip" and kind != "missing_map":
                gone.add(place)
        if kept:
            paths[-1] = path
    findings.add(found)
    return paths, gone


def map_findings(
    rows: TableRows, column: str, files: Sequence[str], problems: Mapping[int, UnusableImage]
) -> list[Finding]:
    """Convert the problems of opened maps to findings.

    Args:
        rows: the rows.
        column: the column of the maps.
        files: the map file of each row, see `map_files`.
        problems: for each row index, why the file is not a usable map.
    """
    return [
        Finding(rows.row(place), each.kind, f"the map {files[place]}: {each.reason}", column)
        for place, each in sorted(problems.items())
    ]
