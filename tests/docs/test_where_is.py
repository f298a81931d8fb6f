"""What docs/where_is.md says to be in a file is there."""

from __future__ import annotations

import ast
import re

import pytest
from docs.site_pages import ROOT

PAGE = (ROOT / "docs/where_is.md").read_text(encoding="utf-8")
ROW = re.compile(r"^\| (.+) \| `([^`|]+)` \| `(\w+)` \|$", re.MULTILINE)
ROWS = ROW.findall(PAGE)


def test_every_row_is_read() -> None:
    assert len(ROWS) >= 30
    assert len(ROWS) == sum(line.startswith("| ") for line in PAGE.splitlines()) - 3


@pytest.mark.parametrize(("question", "file", "name"), ROWS)
def test_the_file_defines_the_name(question: str, file: str, name: str) -> None:
    definitions = ast.FunctionDef, ast.ClassDef, ast.AsyncFunctionDef
    tree = ast.parse((ROOT / file).read_text(encoding="utf-8"))
    found = {each.name for each in ast.walk(tree) if isinstance(each, definitions)}
    assert name in found, question


def test_other_verbs_are_where_it_says() -> None:
    assert (ROOT / "src/multitask/cli/export_command.py").is_file()
