"""A table as a file: CSV, Parquet or JSON Lines."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from pandas import DataFrame

from multitask.errors import InputError
from multitask.tables.json_row import read_json_row

CSV_ENDINGS = {".csv": ",", ".tsv": "\t"}
JSON_LINES_ENDINGS = (".jsonl", ".ndjson")
ENDINGS = (*CSV_ENDINGS, *JSON_LINES_ENDINGS, ".parquet")
SEPARATORS = {";": "';'", "\t": "a tab", "|": "'|'", ",": "','"}
CSV_HEADER_ROWS = 1


def read_table(path: Path, separator: str | None = None) -> DataFrame:
    """Read a table.

    Args:
        path: a file that ends in ``.csv``, ``.tsv``, ``.parquet``, ``.jsonl`` or ``.ndjson``, UTF-8
            with or without a byte order mark.
        separator: what stands between the cells of a CSV file; a comma where not given, a tab for
            ``.tsv``.

    Returns:
        All columns. The index is each row's place in the file, from 0; lines without any cell are
        left out, and places count them. Cells of a CSV file are strings. Missing cells are None or
        NaN.

    Raises:
        InputError: if there is no such file, or it is no whole table.
    """
    path = Path(path)
    if path.is_dir():
        raise InputError(f"{path} is a folder; give a file that ends in {_listed(ENDINGS)}")
    if not path.is_file():
        where = "" if path.is_absolute() else f" in {Path.cwd()}, where the program was started"
        raise InputError(f"there is no table {path}{where}")
    ending = path.suffix.lower()
    if ending not in ENDINGS:
        raise InputError(
            f"{path} cannot be read as a table; give a file that ends in {_listed(ENDINGS)}"
        )
    if ending in CSV_ENDINGS:
        table = _read_text(path, lambda: _csv(path, separator or CSV_ENDINGS[ending]))
    elif ending in JSON_LINES_ENDINGS:
        table = _read_text(path, lambda: _json_lines(path))
    else:
        table = _parquet(path)
    if len(table) == 0:
        raise InputError(f"{path} has no rows; give a table with a row for each image")
    return table


def row_number(path: Path, place: int) -> int:
    """The number by which a person finds a row.

    Args:
        path: the table's file.
        place: the row's place in the file, from 0.

    Returns:
        As spreadsheets count: the first row of a CSV file is its header, so place 0 is row 2. Rows
        of other files count from 1.
    """
    header = CSV_HEADER_ROWS if Path(path).suffix.lower() in CSV_ENDINGS else 0
    return int(place) + header + 1


def _read_text(path: Path, read: Callable[[], DataFrame]) -> DataFrame:
    try:
        return read()
    except UnicodeDecodeError as error:
        raise InputError(
            f"{path}, line {_undecodable_line(path)}: this is not UTF-8; save the file as UTF-8"
        ) from error
    except OSError as error:
        raise InputError(f"{path} cannot be read ({error.strerror})") from error


def _undecodable_line(path: Path) -> int:
    # Where a file is read piece by piece, the error counts from the last piece.
    content = path.read_bytes()
    try:
        content.decode()
    except UnicodeDecodeError as error:
        return content.count(b"\n", 0, error.start) + 1
    return 1


def _csv(path: Path, separator: str) -> DataFrame:
    if len(separator) != 1:
        raise InputError(f"separator is {separator!r}; give one character, such as ';'")
    with path.open(encoding="utf-8-sig", newline="") as file:
        rows = _csv_rows(file, separator, path)
        header = next(rows, [])
        _check_header(header, separator, path)
        places: list[int] = []
        columns: list[list[str | None]] = [[] for _ in header]
        for place, row in enumerate(rows):
            if not any(row):
                continue
            if len(row) != len(header):
                raise InputError(
                    f"{path}, row {row_number(path, place)}: the number of cells is {len(row)}, "
                    f"but the header names {len(header)} columns"
                )
            places.append(place)
            for column, cell in zip(columns, row, strict=True):
                column.append(cell or None)
    cells = {
        name: pd.Series(column, dtype=object) for name, column in zip(header, columns, strict=True)
    }
    return DataFrame(cells, columns=header).set_axis(places)


def _csv_rows(lines: Iterable[str], separator: str, path: Path) -> Iterator[list[str]]:
    # Without `strict`, a quote that is never closed would swallow the rest of the file.
    reader = csv.reader(lines, delimiter=separator, strict=True)
    start = 1
    try:
        for row in reader:
            yield row
            start = reader.line_num + 1
    except csv.Error as error:
        raise InputError(
            f"{path}: the row that begins in line {start} is no CSV ({error}); is a quote "
            "never closed?"
        ) from error


def _check_header(header: list[str], separator: str, path: Path) -> None:
    if not any(header):
        raise InputError(f"{path} is empty or has no header; begin it with the columns' names")
    if header[0].startswith("sep="):
        raise InputError(
            f"{path} begins with '{header[0]}', which only Excel understands; remove that line"
        )
    _refuse_duplicates(header, path)
    _refuse_one_column(header, separator, path)


def _refuse_one_column(header: Sequence[str], separator: str, path: Path) -> None:
    meant = next((each for each in SEPARATORS if each != separator and each in header[0]), None)
    if len(header) == 1 and meant is not None:
        raise InputError(
            f"{path}: all cells landed in one column, '{header[0]}'; {SEPARATORS[meant]} seems to "
            f"stand between them, so set data.init_args.separator={meant!r}"
        )


def _refuse_duplicates(names: Sequence[str], path: Path) -> None:
    repeated = [name for name, count in Counter(names).items() if count > 1]
    if "" in repeated:
        places = [place for place, name in enumerate(names, start=1) if not name]
        raise InputError(
            f"{path}: the columns {', '.join(map(str, places))} have no name; name or remove them"
        )
    if repeated:
        raise InputError(f"{path} has more than one column '{repeated[0]}'; rename all but one")


def _json_lines(path: Path) -> DataFrame:
    rows: dict[int, dict[str, Any]] = {}
    with path.open(encoding="utf-8-sig") as file:
        for place, line in enumerate(file):
            if line.strip():
                rows[place] = read_json_row(line, f"{path}, line {row_number(path, place)}")
    names = dict.fromkeys(name for row in rows.values() for name in row)
    cells = {
        name: pd.Series([row.get(name) for row in rows.values()], dtype=object) for name in names
    }
    return DataFrame(cells).set_axis(list(rows))


def _parquet(path: Path) -> DataFrame:
    try:
        with pq.ParquetFile(path) as file:
            _refuse_duplicates(file.schema_arrow.names, path)
            # Whole numbers beside missing cells stay whole, so that they match classes' names.
            return file.read().to_pandas(integer_object_nulls=True, ignore_metadata=True)
    except (OSError, pa.ArrowException) as error:
        reason = " ".join(str(error).split())
        raise InputError(f"{path} cannot be read as Parquet ({reason})") from error


def _listed(words: Sequence[str]) -> str:
    return f"{', '.join(words[:-1])} or {words[-1]}"
