"""Any table is looked at, or refused in one sentence."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from fuzz.campaign import attack
from fuzz.mutations import NUMBERS, TEXTS
from fuzz.outcome import outcome
from hypothesis import strategies as st
from photo_table import draw

from multitask.data import Table
from multitask.inspection.data_report import data_report
from multitask.inspection.report_text import report_text
from multitask.inspection.table_contents import read_contents
from multitask.inspection.table_inspection import load, look_past, table_data
from multitask.tables.target_columns import TargetColumns

IMAGES = [f"{number}.png" for number in range(12)]
CELLS = st.one_of(
    st.none(),
    st.sampled_from(["cat", "dog", "1.5", "3", "", "nan", "-inf", "1e400", "0x1", "1,5", "=1"]),
    st.sampled_from(["9" * 400, "9" * 5000, "1" + "0" * 300, "\ud800", "\x00", "a\r\nb", "\u0661"]),
    st.booleans(),
    NUMBERS,
    TEXTS,
    st.lists(st.one_of(NUMBERS, TEXTS, st.none(), st.lists(NUMBERS, max_size=2)), max_size=3),
    st.dictionaries(TEXTS, NUMBERS, max_size=2),
)
FILES = st.one_of(
    st.sampled_from([*IMAGES, "gone.png", "", "../0.png", "/etc/passwd", ".", "0.PNG", "a\\0.png"]),
    CELLS,
)
HEADER = ["file_name", "species", "weight"]
NAMES = st.one_of(st.sampled_from([*HEADER, "split"]), TEXTS)
ENDINGS = st.sampled_from([".csv", ".csv", ".tsv", ".jsonl", ".jsonl", ".parquet", ".ndjson"])
Given = tuple[str, bytes]
"""A table's ending, and its bytes."""


@st.composite
def odd_cells(draw: Any) -> Given:
    """A table whose form is right."""
    ending, column = draw(ENDINGS), draw(st.sampled_from([0, 1, 1, 2, 2]))
    rows = [[name, ("cat", "dog")[at % 2], at / 2] for at, name in enumerate(IMAGES)]
    if draw(st.booleans()):
        for at, row in enumerate(rows):
            row[2] = [at, 1.5]
    for _ in range(draw(st.integers(1, 5))):
        cell = draw(CELLS if column else FILES)
        rows[draw(st.integers(0, len(IMAGES) - 1))][column] = cell
    return ending, _written(ending, HEADER, rows)


@st.composite
def odd_columns(draw: Any) -> Given:
    """A table with other columns, or fewer rows."""
    ending, header = draw(ENDINGS), draw(st.lists(NAMES, max_size=4))
    rows = [[name] * len(header) for name in IMAGES[: draw(st.sampled_from([0, 1, 3, 12]))]]
    for row in rows:
        row[1:] = draw(st.lists(CELLS, max_size=4))
    return ending, _written(ending, header, rows)


@st.composite
def odd_bytes(draw: Any) -> Given:
    """A table that was damaged, or written in another encoding."""
    ending, content = draw(st.one_of(odd_cells(), odd_cells(), odd_columns()))
    for _ in range(draw(st.integers(0, 3))):
        at = draw(st.integers(0, len(content)))
        piece = draw(st.sampled_from([b'"', b"\n", b",", b";", b"\x00", b"\xff", b"\xef\xbb\xbf"]))
        content = content[:at] + piece + content[at + draw(st.sampled_from([0, 1, 20])) :]
    how = draw(st.sampled_from([None, None, "utf-16", "latin-1", "cut"]))
    if how == "cut":
        content = content[: draw(st.integers(0, len(content)))]
    elif how:
        content = content.decode(errors="replace").encode(how, errors="replace")
    return ending, content


def _written(ending: str, header: list[str], rows: list[list[Any]]) -> bytes:
    if ending in (".jsonl", ".ndjson"):
        return b"".join(_json(header, row) for row in rows)
    if ending == ".parquet":
        return _parquet(header, rows)
    file = io.StringIO(newline="")
    writer = csv.writer(file, delimiter="," if ending == ".csv" else "\t", escapechar="\\")
    writer.writerows([header, *rows])
    return file.getvalue().encode(errors="surrogatepass")


def _json(header: list[str], row: list[Any]) -> bytes:
    return (json.dumps(dict(zip(header, row, strict=False))) + "\n").encode()


def _parquet(header: list[str], rows: list[list[Any]]) -> bytes:
    columns = []
    for place in range(len(header)):
        cells = [row[place] if place < len(row) else None for row in rows]
        try:
            columns.append(pa.array(cells))
        except Exception:
            texts = [each if isinstance(each, str) else repr(each) for each in cells]
            columns.append(pa.array([each.encode(errors="replace").decode() for each in texts]))
    file = io.BytesIO()
    names = [ascii(name)[1:-1] for name in header]
    try:
        pq.write_table(pa.Table.from_arrays(columns, names), file)
    except Exception:
        pd.DataFrame({"file_name": IMAGES}).to_parquet(file)
    return file.getvalue()


DEEP = b'{"file_name": "0.png", "weight": ' + b"[" * 3000 + b"]" * 3000 + b"}\n"
LONG = b'{"file_name": "0.png", "weight": ' + b"9" * 5000 + b"}\n"
HALF = b'{"file_name": "\\ud800.png", "weight": 1}\n'
PAST = [(".jsonl", DEEP), (".jsonl", LONG), (".jsonl", HALF)]


def inspect(path: Path) -> None:
    """All that ``init`` does but writing."""
    contents = read_contents(path, None, None)
    data = table_data(contents)
    load(data)
    report_text(data_report(data, str(path), data.class_names(), left_out=contents.left_out))


def set_up(path: Path, look: bool) -> None:
    """All that ``fit`` does with a table, or ``inspect``."""
    targets = {
        "species": TargetColumns("species", ["cat", "dog"]),
        "weight": TargetColumns("weight"),
    }
    data = Table(targets, path=path, image_size=4, seed=0)
    stops = look_past(data) if look else set()
    load(data)
    if look:
        report_text(data_report(data, str(path), data.class_names(), stops))


def check_table(given: Given) -> None:
    ending, content = given
    path = Path(f"photos/metadata{ending}")
    path.write_bytes(content)
    outcome(lambda: inspect(path))
    outcome(lambda: set_up(path, look=True))
    outcome(lambda: set_up(path, look=False))


@pytest.mark.filterwarnings("ignore")
def test_any_table() -> None:
    for number, name in enumerate(IMAGES):
        draw(Path("photos") / name, 20 * number)
    attack(check_table, st.one_of(odd_cells(), odd_columns(), odd_bytes()), examples=200, past=PAST)
