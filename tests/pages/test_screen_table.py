"""Tables on the screen are whole, however narrow it is."""

from __future__ import annotations

import pytest
from rich.table import Table

from multitask.pages.screen_table import print_tables

NAME, NUMBER = "a_task_with_a_long_name" * 5, "-0.00123456e-17"


def table() -> Table:
    made = Table(title="results")
    made.add_column("task")
    made.add_column("test", justify="right")
    made.add_row(NAME, NUMBER)
    return made


@pytest.mark.parametrize("columns", ["0", "1", "20", "80", "200"])
def test_a_narrow_screen_loses_no_digit(
    columns: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", columns)
    printed = print_tables([table(), table()])
    assert capsys.readouterr().out == printed
    for text in (NAME, NUMBER):
        assert printed.count(text) == 2
    (rule, _) = (line for line in printed.splitlines() if line.startswith("└"))
    assert len(rule) == len(NAME) + len(NUMBER) + 7


def test_no_tables_are_no_lines(capsys: pytest.CaptureFixture[str]) -> None:
    assert print_tables([]) == capsys.readouterr().out == ""
