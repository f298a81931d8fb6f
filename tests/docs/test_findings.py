"""The figures of docs/findings.md are those of the pages that it links to."""

from __future__ import annotations

import re

import pytest
from docs.site_pages import ROOT

DOCS = ROOT / "docs"
TEXT = (DOCS / "findings.md").read_text(encoding="utf-8")
FIGURE = re.compile(r"[+-]?[\d.,]*\d ± [\d.]*\d")
COMMAND = re.compile(r"^`(?:multitask (?:study|fit --config)|python) ([^ `]+)`", re.MULTILINE)
# A command in code, what it links to, and the table behind it.
TABLES = re.split(r"^(?=`)", TEXT, flags=re.MULTILINE)[1:]


@pytest.mark.parametrize("table", TABLES, ids=[COMMAND.findall(each)[0] for each in TABLES])
def test_a_table_has_a_command_and_figures_of_its_page(table: str) -> None:
    (made_by,) = COMMAND.findall(table)
    assert (ROOT / made_by).is_file()
    (name,) = re.findall(r"\]\((\w+\.md)#[\w-]+\)", table)
    page = (DOCS / name).read_text(encoding="utf-8")
    assert made_by.rpartition("/")[2] in page
    rows = [line for line in table.splitlines() if line.startswith("|")]
    assert rows[0].startswith("| claim | figure")
    assert len(rows) > 2
    for row in rows[2:]:
        assert row.count("|") == 5
        for figure in FIGURE.findall(row):
            # A difference may have been turned round: "frozen is ahead by" and "lost".
            assert figure.lstrip("+-") in page, figure


def test_most_claims_have_an_interval() -> None:
    rows = [line for line in TEXT.splitlines() if line.startswith("| ")]
    assert sum("±" in row for row in rows) > 30
