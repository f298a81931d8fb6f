"""Reading table files: CSV, Parquet or JSON Lines."""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from pandas import DataFrame

from multitask.errors import InputError
from multitask.images.cache_state import default_folder
from multitask.pages.words import listed
from multitask.tables.class_folders import class_table, is_image_name
from multitask.tables.embedded_images import FOLDER, image_columns, put_out
from multitask.tables.json_row import read_json_row
from multitask.tables.map_folders import map_folders, map_table

CSV_ENDINGS = {".csv": ",", ".tsv": "\t"}
JSON_LINES_ENDINGS = (".jsonl", ".ndjson")
ENDINGS = (*CSV_ENDINGS, *JSON_LINES_ENDINGS, ".parquet")
SEPARATORS = {";": "';'", "\t": "a tab", "|": "'|'", ",": "','"}
CSV_HEADER_ROWS = 1
NUMBER = r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?"
ROWS_TO_COMPARE = 100
LONGEST_CELL = 2**27
"""Most characters of a cell; a text may be a whole book."""


def read_table(
    path: Path, separator: str | None = None, cache_folder: Path | None = None
) -> DataFrame:
    """Read a table.

    Args:
        path: a file with the suffix ``.csv``, ``.tsv``, ``.parquet``, ``.jsonl`` or ``.ndjson``,
            UTF-8 with or without a byte order mark; or a folder with subfolders of classes, or of
            images and maps.
        separator: separator of the cells of a CSV file; default: a comma, or a tab for ``.tsv``.
        cache_folder: folder to which images in a Parquet file are written; see
            `multitask.images.cache_state.default_folder`.

    Returns:
        All columns; a column of images contains file names relative to the folder
        ``attrs["embedded"][column]``. The index is the position of each row in the file, from 0;
        blank lines are skipped, but counted. Cells of a CSV file are strings. Missing cells are
        None or NaN. Outer blanks of names and texts are removed.

    Raises:
        InputError: if there is no such file, or it is not a complete table.
    """
    path = Path(path)
    if path.is_dir() and map_folders(path):
        return map_table(path)
    if path.is_dir() and len(table := class_table(path)):
        return table
    if path.is_dir():
        raise InputError(f"{path} is a folder; give a file that ends in {_listed(ENDINGS)}")
    if not path.is_file():
        where = "" if path.is_absolute() else f" in {Path.cwd()}, where the program was started"
        raise InputError(f"there is no table {path}{where}")
    ending = path.suffix.lower()
    if ending not in ENDINGS:
        boxes = (
            "; boxes in a COCO JSON file are read together with a table of image names: see "
            "CocoBoxes in docs/data.md"
        )
        raise InputError(
            f"{path} cannot be read as a table; give a file that ends in {_listed(ENDINGS)}"
            f"{boxes if ending == '.json' else ''}"
        )
    if ending in CSV_ENDINGS:
        table = _read_text(path, lambda: _csv(path, separator or CSV_ENDINGS[ending]))
    elif ending in JSON_LINES_ENDINGS:
        table = _read_text(path, lambda: _json_lines(path))
    else:
        table = _parquet(path, (cache_folder or default_folder()) / FOLDER)
    table.columns = [each.strip() if isinstance(each, str) else each for each in table.columns]
    if len(table) == 0:
        raise InputError(f"{path} has no rows; give a table with a row for each image")
    return table


def separator_of(path: Path, likely: str | None = None) -> str | None:
    """Determine the cell separator of a CSV file from its header.

    Args:
        path: path of any table.
        likely: separator that is preferred if the header contains it.

    Returns:
        The separator; None if it is the usual one, or the table is not a CSV file.
    """
    usual = CSV_ENDINGS.get(path.suffix.lower())
    if usual is None or not path.is_file():
        return None
    with path.open(encoding="utf-8-sig", errors="replace") as file:
        header = file.readline()
    if likely is not None and likely in header:
        return likely
    found = [each for each in SEPARATORS if each in header and each != usual]
    return found[0] if usual not in header and found else None


def row_number(path: Path, place: int) -> int:
    """Return the row number to display.

    Args:
        path: the table's file.
        place: position of the row in the file, from 0.

    Returns:
        The number as in a spreadsheet: the first row of a CSV file is its header, so position 0 is
        row 2. Rows of other files are counted from 1.
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
    # If a file is read in chunks, the error counts from the last chunk.
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
        header = [each.strip() for each in next(rows, [])]
        _check_header(header, separator, path)
        places: list[int] = []
        columns: list[list[str | None]] = [[] for _ in header]
        for place, row in enumerate(rows):
            row = [each.strip() for each in row]
            if not any(row):
                continue
            if row == header:
                raise InputError(
                    f"{path}, row {row_number(path, place)}: it repeats the header, as in tables "
                    "that were combined from several files; remove it"
                )
            if len(row) != len(header):
                raise InputError(
                    f"{path}, row {row_number(path, place)}: the row has {len(row)} cells, "
                    f"but the header has {len(header)} columns"
                )
            places.append(place)
            for column, cell in zip(columns, row, strict=True):
                column.append(cell or None)
    cells = {
        name: pd.Series(column, dtype=object) for name, column in zip(header, columns, strict=True)
    }
    _refuse_class_names(cells, path)
    return DataFrame(cells, columns=header).set_axis(places)


def _refuse_class_names(cells: Mapping[str, pd.Series], path: Path) -> None:
    """Refuse column names that are the first row: all look like cells, and one is among them."""
    repeated = [name for name, column in cells.items() if (column == name).sum() > 1]
    texts = [each for each in repeated if not re.fullmatch(NUMBER, each)]
    if texts and all(name in repeated or _is_alike(name, each) for name, each in cells.items()):
        raise InputError(
            f"{path} has no header: its first row contains '{texts[0]}', like the rows below, so "
            "it is not a column name; add the column names above it, such as file_name and label"
        )


def _is_alike(name: str, column: pd.Series) -> bool:
    known = [str(each) for each in column.head(ROWS_TO_COMPARE) if each is not None]
    alike = sum(_shape(each) == _shape(name) for each in known)
    return bool(name) and 2 * alike > len(known)


def _shape(text: str) -> str:
    if re.fullmatch(NUMBER, text):
        return "a number"
    return re.sub(r"[^\W\d_]+", "a", re.sub(r"\d+", "0", text))


def _csv_rows(lines: Iterable[str], separator: str, path: Path) -> Iterator[list[str]]:
    # The default is 131,072; a long text has more characters.
    csv.field_size_limit(LONGEST_CELL)
    # Without `strict`, a quote that is never closed would consume the rest of the file.
    reader = csv.reader(lines, delimiter=separator, strict=True)
    start = 1
    try:
        for row in reader:
            yield row
            start = reader.line_num + 1
    except csv.Error as error:
        raise InputError(
            f"{path}: the row that starts on line {start} is not valid CSV ({error}); is a quote "
            "not closed?"
        ) from error


def _check_header(header: list[str], separator: str, path: Path) -> None:
    if not any(header):
        raise InputError(f"{path} is empty or has no header; start it with the column names")
    if header[0].startswith("sep="):
        raise InputError(
            f"{path} begins with '{header[0]}', which only Excel understands; remove that line"
        )
    _refuse_data(header, path)
    _refuse_duplicates(header, path)
    _refuse_one_column(header, separator, path)


def _refuse_data(header: Sequence[str], path: Path) -> None:
    if data := [each for each in header if is_image_name(each)]:
        raise InputError(
            f"{path} has no header: its first row contains '{data[0]}', which is an image and not "
            "a column name; add the column names above it, such as file_name and label"
        )


def _refuse_one_column(header: Sequence[str], separator: str, path: Path) -> None:
    meant = next((each for each in SEPARATORS if each != separator and each in header[0]), None)
    if len(header) == 1 and meant is not None:
        raise InputError(
            f"{path}: all cells are in one column, '{header[0]}'; the separator seems to be "
            f"{SEPARATORS[meant]}, so set data.init_args.separator={meant!r}"
        )


def _refuse_duplicates(names: Sequence[str], path: Path) -> None:
    repeated = [name for name, count in Counter(names).items() if count > 1]
    if "" in repeated:
        places = [place for place, name in enumerate(names, start=1) if not name]
        raise InputError(
            f"{path}: the columns {listed(map(str, places))} have no name; name or remove them"
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
    return _stripped(DataFrame(cells).set_axis(list(rows)))


def _parquet(path: Path, pictures: Path) -> DataFrame:
    try:
        with pq.ParquetFile(path) as file:
            _refuse_duplicates(file.schema_arrow.names, path)
            embedded = image_columns(file)
            others = [each for each in file.schema_arrow.names if each not in embedded]
            # Integers beside missing cells must stay integers, so that they match class names.
            content = file.read(others)
            table = content.to_pandas(integer_object_nulls=True, ignore_metadata=True)
            table.index = pd.RangeIndex(content.num_rows)
            for name in embedded:
                table[name] = pd.Series(put_out(file, name, pictures), dtype=object)
    except (OSError, pa.ArrowException) as error:
        reason = " ".join(str(error).split())
        raise InputError(f"{path} cannot be read as Parquet ({reason})") from error
    table = table[list(dict.fromkeys([*embedded, *others]))]
    table.attrs["embedded"] = dict.fromkeys(embedded, pictures)
    return _stripped(table)


def _stripped(table: DataFrame) -> DataFrame:
    for name in table.columns:
        if table[name].dtype == object:
            cells = [each.strip() if isinstance(each, str) else each for each in table[name]]
            table[name] = pd.Series(cells, index=table.index, dtype=object)
    return table


def _listed(words: Sequence[str]) -> str:
    return listed(words, len(words), "or")
