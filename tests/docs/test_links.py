"""Every link of every page leads to a file, and to a heading in it, as GitHub names headings."""

from __future__ import annotations

import re

import pytest
from docs.site_pages import ROOT
from docs.snippets import pages

FENCED = re.compile(r"^ *```.*?^ *```", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\((?!\w+:)([^)\s]+)\)")


def named(heading: str) -> str:
    """The anchor of a heading."""
    return re.sub(r"[^\w -]", "", heading.strip().lower()).replace(" ", "-")


def test_anchors_are_those_of_github() -> None:
    assert named("Texts, numbers, and several inputs") == "texts-numbers-and-several-inputs"
    assert named("Where is ...?") == "where-is-"
    assert named("`multitask` in one page") == "multitask-in-one-page"


@pytest.mark.parametrize("page", [*pages(), "CHANGELOG.md", "SECURITY.md"])
def test_every_link_leads_somewhere(page: str) -> None:
    file = ROOT / page
    text = FENCED.sub("", file.read_text(encoding="utf-8"))
    for target in LINK.findall(text):
        path, _, anchor = target.partition("#")
        there = file.parent / path if path else file
        assert there.exists(), target
        if anchor:
            body = FENCED.sub("", there.read_text(encoding="utf-8"))
            heads = re.findall(r"^#+ (.+)$", body, re.MULTILINE)
            assert anchor in {named(each) for each in heads}, target
