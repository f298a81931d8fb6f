"""docs/runs.md names what a run's summary contains."""

from __future__ import annotations

import json
import re
from pathlib import Path

PAGE = Path(__file__).parents[2] / "docs/runs.md"


def keys(page: str, head: str) -> set[str]:
    """The names in the first column of the table with this head."""
    (table,) = re.findall(rf"^\| {re.escape(head)} \|.*\n((?:\|.*\n)+)", page, re.MULTILINE)
    firsts = [row.split("|")[1] for row in table.splitlines()]
    return {name for first in firsts for name in re.findall(r"`(\w+)`", first)}


def test_the_tables_name_all_that_a_summary_contains(digits_run: Path) -> None:
    summary = json.loads((digits_run / "summary.json").read_text())
    page = PAGE.read_text()
    assert keys(page, "key") == set(summary)
    assert keys(page, "key of `cost`") == set(summary["cost"])
    (limits,) = (line for line in page.splitlines() if line.startswith("| `limits` |"))
    assert set(re.findall(r"`(\w+)`", limits.split("|")[2])) == set(summary["limits"])
