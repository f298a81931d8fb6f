"""The notebooks are one series: numbered without gaps, opened alike, each beside its neighbours."""

from __future__ import annotations

import importlib.util
import logging
import re
import sys
import warnings
from pathlib import Path

import nbformat
import pytest

ROOT = Path(__file__).parents[2]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
FIRST = nbformat.read(NOTEBOOKS[0], as_version=4).cells
TITLE = re.compile(r"# (\d+)\. \S.*")
MAGIC = "%matplotlib inline\n"

each_place = pytest.mark.parametrize(
    "place", range(len(NOTEBOOKS)), ids=[path.stem for path in NOTEBOOKS]
)


def title(path: Path) -> str:
    """A notebook's first line, without the sign of a heading."""
    return nbformat.read(path, as_version=4).cells[0].source.splitlines()[0].removeprefix("# ")


def test_numbers_have_no_gap() -> None:
    assert [int(path.name[:2]) for path in NOTEBOOKS] == list(range(1, len(NOTEBOOKS) + 1))


@each_place
def test_opens_like_the_first(place: int) -> None:
    text, opening = nbformat.read(NOTEBOOKS[place], as_version=4).cells[:2]
    assert text.cell_type == "markdown"
    heading, *_, last = text.source.split("\n\n")
    found = TITLE.fullmatch(heading)
    assert found
    assert int(found[1]) == place + 1
    assert re.match(
        r"\*Takes about \d+ seconds on two CPU cores and leaves no files behind\.", last
    )
    links = {"Before": place - 1, "After": place + 1}
    told = [
        f"{word}: [{title(NOTEBOOKS[at])}]({NOTEBOOKS[at].name})."
        for word, at in links.items()
        if 0 <= at < len(NOTEBOOKS)
    ]
    assert last.endswith("\n" + "\n".join(told) + "*")
    assert opening.cell_type == "code"
    assert opening.source == FIRST[1].source


@each_place
def test_is_named_in_the_documentation(place: int) -> None:
    page = (ROOT / "docs/notebooks.md").read_text(encoding="utf-8")
    path = NOTEBOOKS[place]
    assert f"| [{title(path)}](../notebooks/{path.name}) |" in page
    assert f"- notebooks/{path.stem}.md" in (ROOT / "mkdocs.yml").read_text(encoding="utf-8")


def test_opening_takes_the_clone_if_nothing_is_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT / "notebooks")
    monkeypatch.setattr(sys, "path", ["somewhere"])
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    _run_opening()
    assert sys.path == [str(ROOT / "src"), "somewhere"]


def test_opening_leaves_an_installed_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "path", ["somewhere"])
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: object())
    _run_opening()
    assert sys.path == ["somewhere"]


def _run_opening() -> None:
    source = FIRST[1].source
    assert source.startswith(MAGIC)
    names = ("lightning.pytorch", "lightning.pytorch.utilities.rank_zero")
    levels = {name: logging.getLogger(name).level for name in names}
    try:
        with warnings.catch_warnings():
            exec(compile(source.removeprefix(MAGIC), "opening", "exec"), {})
    finally:
        for name, level in levels.items():
            logging.getLogger(name).setLevel(level)
