"""A table for people, written in parts: CSV, Parquet or JSON Lines."""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from multitask.errors import InputError
from multitask.pages.spreadsheet import inert

CSV, PARQUET, JSON_LINES = ".csv", ".parquet", ".jsonl"
OUTPUTS = (CSV, PARQUET, JSON_LINES)


def check_ending(path: Path, option: str) -> None:
    """Reject a table name whose extension is not that of a supported format.

    Args:
        path: path of the table.
        option: the option that specifies it, for the message.

    Raises:
        InputError: if the extension is not supported.
    """
    if path.suffix.lower() not in OUTPUTS:
        raise InputError(f"--{option} is {path}; give a name that ends in .csv, .parquet or .jsonl")


def write_table(parts: Iterable[Path], path: Path, ending: str) -> None:
    """Write one table from several.

    Args:
        parts: Parquet files with the same schema, in order; at least one. One is in memory at a
            time.
        path: path of the table.
        ending: one of `OUTPUTS`, regardless of the extension of the path.
    """
    tables = (pq.read_table(each) for each in parts)
    if ending == PARQUET:
        _write_parquet(tables, path)
        return
    newline = "" if ending == CSV else "\n"
    with path.open("w", newline=newline, encoding="utf-8", errors="backslashreplace") as file:
        if ending == CSV:
            csv.writer(file).writerows(_csv_rows(tables))
        else:
            file.writelines(map(_json_line, _rows(tables)))


def _write_parquet(tables: Iterable[pa.Table], path: Path) -> None:
    writer = None
    try:
        for table in tables:
            writer = writer or pq.ParquetWriter(path, table.schema)
            writer.write_table(table)
    finally:
        if writer is not None:
            writer.close()


def _csv_rows(tables: Iterable[pa.Table]) -> Iterator[Iterable[Any]]:
    for number, table in enumerate(tables):
        if number == 0:
            yield [inert(each) for each in table.column_names]
        yield from zip(*map(_csv_cells, table.columns), strict=True)


def _csv_cells(column: pa.ChunkedArray) -> list[Any]:
    if pa.types.is_float32(column.type) and not column.null_count:
        return _shortest(column).tolist()
    cells = _cells(column)
    if pa.types.is_floating(column.type) or pa.types.is_integer(column.type):
        return cells
    if pa.types.is_nested(column.type):
        cells = [each if each is None else _json(each) for each in cells]
    return [inert(each) for each in cells]


def _rows(tables: Iterable[pa.Table]) -> Iterator[dict[str, Any]]:
    for table in tables:
        names = table.column_names
        for row in zip(*map(_cells, table.columns), strict=True):
            yield dict(zip(names, row, strict=True))


def _cells(column: pa.ChunkedArray) -> list[Any]:
    if not pa.types.is_float32(column.type):
        return column.to_pylist()
    shortest = _shortest(column).astype(np.float64).tolist()
    is_empty = column.is_null().to_pylist()
    return [None if gone else each for each, gone in zip(shortest, is_empty, strict=True)]


def _shortest(column: pa.ChunkedArray) -> np.ndarray[Any, Any]:
    """The shortest decimal numbers that equal these in single precision."""
    return column.to_numpy().astype(str)


def _json_line(row: dict[str, Any]) -> str:
    return _json(row) + "\n"


def _json(value: Any) -> str:
    return json.dumps(_finite(value), ensure_ascii=False, default=str)


def _finite(value: Any) -> Any:
    """Replace NaN and infinity, which JSON does not support."""
    if isinstance(value, dict):
        return {name: _finite(each) for name, each in value.items()}
    if isinstance(value, list):
        return list(map(_finite, value))
    return None if isinstance(value, float) and not math.isfinite(value) else value
