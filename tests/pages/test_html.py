"""Pages that need no other file, and that run nothing."""

from __future__ import annotations

import base64
import re
import tomllib
from html.parser import HTMLParser
from io import BytesIO
from pathlib import Path, PurePosixPath
from urllib.parse import unquote

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pages.hostile_names import HOSTILE
from PIL import Image

from multitask.pages import html
from multitask.pages.blocks import (
    Block,
    Bullets,
    Card,
    Code,
    Commands,
    Figure,
    Gallery,
    Heading,
    Link,
    Mark,
    Paragraph,
    Picture,
    Section,
    Table,
)
from multitask.pages.html import picture, write_html
from multitask.pages.report import write_pages
from multitask.pages.shown import shown

PIXELS = np.arange(24, dtype=np.uint8).reshape(2, 4, 3)
PNG = picture(PIXELS).png
TAGS = {
    *("html", "head", "meta", "title", "style", "script", "body", "nav", "main", "h1", "h2", "h3"),
    *("p", "ul", "ol", "li", "div", "table", "thead", "tbody", "tr", "th", "td", "pre", "code"),
    *("a", "img", "figure", "figcaption", "strong", "span"),
}
ATTRIBUTES = {
    *("lang", "charset", "http-equiv", "content", "name", "id", "class", "scope", "role"),
    *("tabindex", "aria-label", "src", "alt", "href", "data-number"),
}
SCRIPT = (Path(html.__file__).parent / "page.js").read_text(encoding="utf-8")


class Page(HTMLParser):
    """What a browser finds in a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[tuple[str, str]] = set()
        self.comments: list[str] = []
        self.inside = ""
        self.scripts: list[str] = []
        self.text = ""
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.inside = tag
        self.attributes |= {(name, value or "") for name, value in attrs}

    def handle_data(self, data: str) -> None:
        if self.inside == "script":
            self.scripts.append(data)
        elif self.inside != "style":
            self.text += data

    def handle_endtag(self, tag: str) -> None:
        self.inside = ""

    def handle_comment(self, data: str) -> None:
        self.comments.append(data)


def blocks_of(name: str, folder: Path) -> list[Block]:
    """The name wherever a text can be."""
    return [
        Heading(name, 1),
        Section(name, name),
        Heading(name),
        Heading((name, Code(name)), 3),
        Paragraph((name, Code(name), Link(name, PurePosixPath("few", "report.html")))),
        Bullets([name, (name, Code(name))]),
        Table([name, "number"], [[name, "-1.5"], [Code(name), name]]),
        Commands([name]),
        Gallery([Card([Picture(PNG, name)], name, [name, (Code(name), name)])]),
        Section(name, name),
        Figure(folder / "gone.png", name),
        Figure(folder / "a.png", name),
    ]


def page_of(name: str, folder: Path) -> Page:
    Image.fromarray(PIXELS).save(folder / "a.png")
    write_html(blocks_of(name, folder), folder / "page.html", name)
    return Page((folder / "page.html").read_text(encoding="utf-8"))


def check(page: Page, name: str) -> None:
    assert page.tags <= TAGS
    assert page.scripts == [SCRIPT]
    assert page.comments == []
    assert {key for key, _ in page.attributes} <= ATTRIBUTES
    links = {unquote(value) for key, value in page.attributes if key == "href"}
    anchors = {f"#{value}" for key, value in page.attributes if key == "id"}
    assert links - anchors == {"few/report.html"}
    assert len(anchors) == 5
    assert len(links) == 1 + 3
    assert all(value.startswith("data:") for key, value in page.attributes if key == "src")
    assert page.text.count(shown(name)) >= 12 + 14


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_name_is_a_text(name: str, tmp_path: Path) -> None:
    check(page_of(name, tmp_path), name)


@settings(max_examples=50, deadline=None, derandomize=True)
@given(name=st.text(min_size=1).filter(lambda text: not text.isspace()))
def test_any_name_is_a_text(name: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    check(page_of(name, tmp_path_factory.mktemp("page")), name)


def sources(page: str) -> list[bytes]:
    found = re.findall(r'src="data:image/png;base64,([^"]+)"', page)
    return [base64.b64decode(each) for each in found]


def test_a_report_has_its_figures_and_tables_inside(tmp_path: Path) -> None:
    (tmp_path / "figures").mkdir()
    Image.fromarray(PIXELS).save(tmp_path / "figures/a.png")
    blocks = [
        Heading("One", 1),
        Figure(tmp_path / "figures/a.png", "what it is"),
        Table(["b", "c"], [["1", "2"]]),
    ]
    written = write_pages(blocks, tmp_path, "a & b").read_text(encoding="utf-8")
    assert "<title>a &amp; b</title>" in written
    assert '<h1 id="one">One</h1>' in written
    assert '<td class="number" data-number="2.0">2</td>' in written
    assert "default-src &#39;none&#39;" in written
    assert "unsafe" not in written
    assert sources(written) == [(tmp_path / "figures/a.png").read_bytes()]
    assert "a.png" not in written
    text = "# One\n\n![what it is](figures/a.png)\n\n*what it is.*\n\n"
    text += "| b | c |\n| --- | --: |\n| 1 | 2 |\n"
    assert (tmp_path / "report.md").read_text(encoding="utf-8") == text


@pytest.mark.parametrize("kind", ["gone", "text", "link", "outside"])
def test_only_a_figure_of_the_report_is_part_of_it(kind: str, tmp_path: Path) -> None:
    folder = tmp_path / "report"
    folder.mkdir()
    Image.fromarray(PIXELS).save(tmp_path / "secret.png")
    path = folder / "a.png"
    if kind == "text":
        path.write_text("a password")
    elif kind == "link":
        path.symlink_to(tmp_path / "secret.png")
    elif kind == "outside":
        path = folder / ".." / "secret.png"
    page = write_pages([Figure(path, "what it is")], folder, "x")
    for each in (page, folder / "report.md"):
        written = each.read_text()
        assert f"The figure {path.name} is missing" in written
        assert "what it is" not in written
    assert sources(page.read_text()) == []


@pytest.mark.parametrize("path", ["/etc/passwd", "../other/report.html", "a/../../b"])
def test_a_link_stays_in_the_report(path: str) -> None:
    with pytest.raises(ValueError, match="leads out of"):
        Link("x", PurePosixPath(path))


def test_a_link_is_never_code(tmp_path: Path) -> None:
    link = Link("x", PurePosixPath("javascript:alert(1)//a b"))
    page = write_pages([Paragraph(link)], tmp_path, "x").read_text()
    assert 'href="javascript%3Aalert%281%29/a%20b"' in page


def test_words_are_coloured_by_what_they_speak_for(tmp_path: Path) -> None:
    marks = (Mark("<b>for", 1.0), Mark("against", -0.5), Mark("neither", 0.0))
    page = write_pages([Paragraph(marks)], tmp_path, "x").read_text()
    assert '<mark class="for-4">&lt;b&gt;for</mark>' in page
    assert '<mark class="against-2">against</mark>' in page
    assert '-0">neither</mark>' in page
    assert all(f".{kind}-{level} " in page for kind in ("for", "against") for level in range(1, 5))


@pytest.mark.parametrize("pixels", [PIXELS, PIXELS[:, :, 0]])
def test_a_picture_in_a_table_keeps_its_pixels(tmp_path: Path, pixels: np.ndarray) -> None:
    blocks = [Table(["index", "x"], [["1", picture(pixels)]], of_samples=True)]
    write_html(blocks, tmp_path / "page.html", "t")
    (source,) = sources((tmp_path / "page.html").read_text(encoding="utf-8"))
    np.testing.assert_array_equal(np.asarray(Image.open(BytesIO(source))), pixels)


def test_the_template_is_part_of_the_package() -> None:
    folder = Path(html.__file__).parent
    project = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text())
    patterns = project["tool"]["setuptools"]["package-data"]["multitask.pages"]
    parts = {each.name for each in folder.iterdir() if each.suffix not in (".py", ".pyc", "")}
    assert parts == {"page.html.j2", "page.css", "page.js"}
    assert parts == {each.name for pattern in patterns for each in folder.glob(pattern)}


def test_a_short_page_has_no_contents(tmp_path: Path) -> None:
    path = tmp_path / "page.html"
    for sections, expected in ((2, 0), (3, 1)):
        write_html([Section("a", "b")] * sections, path, "x")
        assert path.read_text().count("<nav") == expected
