"""Tables as files: what is read, and what is refused in which words."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from multitask.errors import InputError
from multitask.tables.table_file import read_table, row_number


def refusal(path: Path, content: str | bytes, separator: str | None = None) -> str:
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    with pytest.raises(InputError) as refused:
        read_table(path, separator)
    assert str(path) in str(refused.value)
    assert "\n" not in str(refused.value)
    return str(refused.value)


def test_cells_of_a_csv_file_are_texts_and_empty_ones_missing(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text('\ufeffname,kind,size\na,NA,01\n\n"b\nc",,nan\n', encoding="utf-8")
    table = read_table(path)
    assert list(table.columns) == ["name", "kind", "size"]
    assert table["name"].tolist() == ["a", "b\nc"]
    assert table["kind"].tolist() == ["NA", None]
    assert table["size"].tolist() == ["01", "nan"]
    # The empty line counts, as it does in a spreadsheet.
    assert [row_number(path, place) for place in table.index] == [2, 4]


def test_a_cell_may_be_a_book(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text(f'text,x\n"{"word, " * 40_000}",1\n')
    assert len(read_table(tmp_path / "a.csv")["text"][0]) == 239_999


def test_separators(tmp_path: Path) -> None:
    path, tabs = tmp_path / "a.csv", tmp_path / "a.tsv"
    path.write_text("a;b\n1;2\n")
    tabs.write_text("a\tb\n1\t2\n")
    assert read_table(path, ";").values.tolist() == [["1", "2"]]
    assert read_table(tabs).values.tolist() == [["1", "2"]]
    assert "one column, 'a;b'" in refusal(path, "a;b\n1;2\n")
    assert "data.init_args.separator=';'" in refusal(path, "a;b\n1;2\n")
    with pytest.raises(InputError, match="give one character"):
        read_table(path, "; ")


def test_json_lines_keep_types_and_rows_may_lack_cells(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text('{"a": 1, "b": [1, 2]}\n\n{"a": "2020-01-01"}\n')
    table = read_table(path)
    assert table["a"].tolist() == [1, "2020-01-01"]
    assert table["b"].tolist() == [[1, 2], None]
    assert [row_number(path, place) for place in table.index] == [1, 3]


def test_whole_numbers_of_parquet_stay_whole_beside_missing_ones(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    pd.DataFrame({"a": pd.array([1, None], dtype="Int64"), "b": [[1.0], None]}).to_parquet(path)
    table = read_table(path)
    assert type(table["a"][0]) is int
    assert pd.isna(table["a"][1])
    assert row_number(path, 0) == 1


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        ("a.csv", "", "is empty"),
        ("a.csv", "a,b\n", "has no rows"),
        ("a.csv", "a,b,a\n1,2,3\n", "more than one column 'a'"),
        ("a.csv", "a,b\n1,2\n1,2,3\n", "row 3: the row has 3 cells, but the header has 2"),
        ("a.csv", "a,,\n1,,\n", "the columns 2 and 3 have no name"),
        ("a.csv", 'a,b\n1,"2\n3,4\n', "the row that starts on line 2 is not valid CSV"),
        ("a.csv", "a,b\nä,1\n".encode("latin-1"), "line 2: this is not UTF-8"),
        ("a.csv", b"a,b\n" + 9_000 * b"1,2\n" + b"\xe4,1\n", "line 9002: this is not UTF-8"),
        ("a.csv", "sep=;\na;b\n1;2\n", "begins with 'sep=;', which only Excel understands"),
        ("a.jsonl", '{"a": 1}\n{"a": 1\n', "line 2: this is not JSON"),
        ("a.jsonl", "[1]\n", "line 1: this is not a JSON object"),
        ("a.jsonl", '{"a": 1, "a": 2}\n', "line 1: a name occurs twice"),
        ("a.parquet", "no", "cannot be read as Parquet"),
        ("a.json", "{}", "CocoBoxes"),
        ("a.xlsx", "no", "ends in .csv, .tsv, .jsonl, .ndjson or .parquet"),
    ],
)
def test_what_is_no_table_is_told(
    tmp_path: Path, name: str, content: str | bytes, expected: str
) -> None:
    assert expected in refusal(tmp_path / name, content)


def test_a_folder_and_nothing_are_no_tables(tmp_path: Path) -> None:
    (tmp_path / "b.csv").mkdir()
    with pytest.raises(InputError, match="is a folder"):
        read_table(tmp_path / "b.csv")
    with pytest.raises(InputError, match="there is no table .*c.csv$"):
        read_table(tmp_path / "c.csv")
    with pytest.raises(InputError, match=f"there is no table c.csv in {Path.cwd()}"):
        read_table(Path("c.csv"))


def test_duplicate_columns_of_parquet_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    pq.write_table(pa.table([[1], [2]], names=["a", "a"]), path)
    with pytest.raises(InputError, match="more than one column 'a'"):
        read_table(path)
