"""Each figure of docs/multi_task_learning.md is on a page that it links to."""

from __future__ import annotations

import re

import pytest
from docs.site_pages import ROOT

DOCS = ROOT / "docs"
TEXT = (DOCS / "multi_task_learning.md").read_text(encoding="utf-8")
FIGURE = re.compile(r"[\d.,]*\d ± [\d.]*\d")
SECTIONS = {each.splitlines()[0]: each for each in re.split(r"^## ", TEXT, flags=re.M)[1:]}


@pytest.mark.parametrize("section", [name for name in SECTIONS if "±" in SECTIONS[name]])
def test_figures_are_those_of_the_linked_pages(section: str) -> None:
    text = SECTIONS[section]
    pages = set(re.findall(r"\]\((\w+\.md)#", text))
    assert pages
    known = "".join((DOCS / page).read_text(encoding="utf-8") for page in pages)
    for figure in FIGURE.findall(" ".join(text.split())):
        assert figure in known, figure
