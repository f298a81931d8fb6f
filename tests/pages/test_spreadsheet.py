"""CSV files in which no cell is a formula, and numbers are numbers."""

from __future__ import annotations

import csv
import re
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from multitask.pages.spreadsheet import inert, inert_table, write_csv, write_rows

FORMULAS = [
    "=1+1",
    "+1+1",
    "-2+3",
    "@SUM(1)",
    "=cmd|' /C calc'!A0",
    "\t=1+1",
    "\r=1+1",
    "\n=1",
    "  =1",
    "\u3000=1",
    "\xa0=1",
    "\uff1d1+1",
    "\uff20SUM(1)",
    '=HYPERLINK("https://example.org")',
    "a;=1+1",
    "a\t=1+1",
    "a\n=1+1",
    "-",
    "-.",
    "-1 kg",
    "+49 30 1",
    "-1,5",
]


@pytest.mark.parametrize("text", FORMULAS)
def test_a_formula_is_a_text(text: str) -> None:
    found = inert(text)
    assert found.replace("'", "") == text.replace("'", "")
    for cell in re.split("[;\t\r\n]", found):
        assert cell.lstrip()[:1] not in tuple("=+-@\uff1d\uff0b\uff0d\uff20"), found
    assert found[0] not in "\t\r\n"


@pytest.mark.parametrize(
    "text", ["-1.5", "+3", "-1e5", "-.5", "1.", "-inf", "nan", "a=b", "a-b", ""]
)
def test_numbers_and_plain_texts_stay(text: str) -> None:
    assert inert(text) == text


@pytest.mark.parametrize("value", [-1.5, -3, None, True])
def test_values_stay(value: object) -> None:
    assert inert(value) is value


@given(value=st.floats(allow_nan=False))
def test_every_number_stays(value: float) -> None:
    assert inert(repr(value)) == repr(value)


def test_a_table_comes_back_as_it_was_but_for_formulas(tmp_path: Path) -> None:
    table = pd.DataFrame(
        {"=name": ["=1+1", "plain"], "value": [-1.5, float("nan")], "count": [-1, 2]},
        index=["-x", "NA"],
    )
    write_csv(table, tmp_path / "a.csv", index=True)
    with (tmp_path / "a.csv").open(newline="") as file:
        assert list(csv.reader(file)) == [
            ["", "'=name", "value", "count"],
            ["'-x", "'=1+1", "-1.5", "-1"],
            ["NA", "plain", "", "2"],
        ]
    numbers = pd.DataFrame({"x": [0.1 + 0.2, 1e-300, float("inf")], "y": [1, -2, 3]})
    write_csv(numbers, tmp_path / "b.csv")
    # By default pandas before 3 rounds the last digit of what it reads.
    read = pd.read_csv(tmp_path / "b.csv", float_precision="round_trip")
    pd.testing.assert_frame_equal(read, numbers, check_exact=True)


def test_the_cells_of_a_table_are_made_inert() -> None:
    table = inert_table(pd.DataFrame({"=a": ["=1", "-1.5"], "b": [-1, 2]}))
    assert table.to_csv(index=False) == "'=a,b\n'=1,-1\n-1.5,2\n"


def test_half_characters_do_not_stop_a_table(tmp_path: Path) -> None:
    write_rows([["file"], ["\udcff.png"]], tmp_path / "a.csv")
    assert "\\udcff.png" in (tmp_path / "a.csv").read_text(encoding="utf-8")
