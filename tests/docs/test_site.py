"""The site builds strictly, and has what the strict build does not look for."""

from __future__ import annotations

import logging
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from unittest import TestCase

import griffe
import pytest
import yaml
from docs.site_pages import ROOT, builder

BUILDER = builder()
PAGES: dict[Path, str] = BUILDER.written()
FENCED = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)
CONFIGURATION = yaml.safe_load((ROOT / "mkdocs.yml").read_text())


def navigated(entry: Any) -> Iterator[str]:
    """Every page that the navigation has."""
    if isinstance(entry, str):
        yield entry
    for each in entry.values() if isinstance(entry, dict) else entry if type(entry) is list else ():
        yield from navigated(each)


def test_the_navigation_has_every_page_once() -> None:
    found = list(navigated(CONFIGURATION["nav"]))
    assert sorted(found) == sorted(map(str, PAGES))
    assert [next(iter(each)) for each in CONFIGURATION["nav"]] == [
        "Start",
        "How to",
        "Explanation",
        "Findings",
        "Reference",
    ]


def test_every_public_package_has_a_page_of_reference() -> None:
    assert {"multitask.tasks", "multitask.encoders", "multitask.data"} <= BUILDER.packages().keys()
    for package in BUILDER.packages():
        assert f"::: {package}\n" in PAGES[Path(f"reference/{package}.md")]
    # A page shows how something is imported, so a page of reference explains it.
    for module in BUILDER.modules():
        assert any(f"::: {module}\n" in text for text in PAGES.values()), module


def test_every_image_of_every_page_exists() -> None:
    found = 0
    for place, text in PAGES.items():
        for target in re.findall(r"!\[[^]]*\]\(([^)\s]+)\)", FENCED.sub("", text)):
            assert (ROOT / "docs" / place.parent / target).is_file(), (place, target)
            found += 1
    assert found >= 2


def test_links_fit_their_new_places() -> None:
    page = ROOT / "README.md"
    assert BUILDER.place(Path("LICENSE")) == Path("repository/LICENSE.md")
    assert BUILDER.place(Path("src/multitask/encoders/base.py")) == Path(
        "reference/multitask.encoders.md"
    )
    text = BUILDER.relinked(page, page.read_text(encoding="utf-8"))
    assert "](data.md)" in text
    assert "](repository/CHANGELOG.md)" in text
    assert "](notebooks/01_first_look.md)" in text
    assert "](docs/" not in text
    assert "](02_your_own_images.md)" in PAGES[Path("notebooks/01_first_look.md")]


def test_two_pages_differ_in_more_than_the_case_of_letters() -> None:
    assert len({str(place).lower() for place in PAGES}) == len(PAGES)


def documented(parent: griffe.Object) -> Iterator[griffe.Object]:
    """All objects with a docstring, not those that are imported from elsewhere."""
    for each in parent.members.values():
        if isinstance(each, griffe.Object):
            if each.docstring is not None:
                yield each
            yield from documented(each)


def test_docstrings_name_parameters_that_there_are() -> None:
    package = griffe.load("multitask", search_paths=[ROOT / "src"], docstring_parser="google")
    assert isinstance(package, griffe.Object)
    with TestCase().assertNoLogs("griffe", logging.WARNING):
        read = [each.docstring.parsed for each in documented(package) if each.docstring]
    assert len(read) > 1000
    # Parameters that were written into the text of the one before them.
    described = [
        each.description
        for sections in read
        for section in sections
        if section.kind is griffe.DocstringSectionKind.parameters
        for each in section.value
    ]
    assert len(described) > 2000
    swallowed = [re.findall(r"\.\s+(?!default\b)([a-z_]+):\s", each) for each in described]
    assert [each for each in swallowed if each] == []


class Targets(HTMLParser):
    """What a page of HTML links to and loads, and the anchors that it has."""

    def __init__(self, page: Path) -> None:
        super().__init__()
        self.links: set[str] = set()
        self.loads: set[str] = set()
        self.anchors: set[str] = set()
        self.feed(page.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note what the attributes say."""
        values = {name: value for name, value in attrs if value}
        if "id" in values:
            self.anchors.add(values["id"])
        if tag == "a":
            self.links.add(values.get("href", ""))
        elif tag in {"script", "img", "iframe"}:
            self.loads.add(values.get("src", ""))
        elif tag == "link" and values.get("rel") in {"stylesheet", "icon", "preload"}:
            self.loads.add(values.get("href", ""))


def check_targets(site: Path, least: int) -> None:
    """Whatever a page loads or links to is there, on the site itself."""
    # The page of an address that is not there does not know where it is shown.
    pages = {page: Targets(page) for page in site.rglob("*.html") if page.name != "404.html"}
    assert len(pages) >= least
    for page, targets in pages.items():
        for each in targets.loads - {""}:
            assert not re.match(r"(https?:)?//", each), (page, each)
            assert (page.parent / each).exists(), (page, each)
        for each in targets.links - {""}:
            path, _, anchor = each.partition("#")
            if re.match(r"[a-z]+:", each):
                continue
            file = Path(os.path.normpath(page.parent / path)) if path else page
            assert file.exists(), (page, each)
            assert not anchor or file not in pages or anchor in pages[file].anchors, (page, each)
    assert "gradient" in (site / "search.json").read_text(encoding="utf-8")


@pytest.mark.slow
def test_the_site_builds_and_asks_the_network_for_nothing(tmp_path: Path) -> None:
    """A whole strict build, as ``make docs`` does it."""
    BUILDER.write(tmp_path / "build/docs")
    text = (ROOT / "mkdocs.yml").read_text().replace("paths: [src]", f"paths: [{ROOT / 'src'}]")
    (tmp_path / "mkdocs.yml").write_text(text)
    command = [sys.executable, "-m", "zensical", "build", "--strict", "--clean"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "No issues found" in done.stdout + done.stderr

    check_targets(tmp_path / "build/site", len(PAGES))
