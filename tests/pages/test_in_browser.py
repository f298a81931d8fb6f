"""Pages as a browser shows them: readable, sortable, and without a life of their own."""

from __future__ import annotations

import select
import socket
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from browser import Visit
from pages.hostile_names import HOSTILE
from PIL import Image

from multitask.pages.blocks import (
    Block,
    Bullets,
    Card,
    Code,
    Commands,
    Figure,
    Gallery,
    Heading,
    Paragraph,
    Picture,
    Section,
    Table,
)
from multitask.pages.html import picture, write_html

PIXELS = np.arange(24, dtype=np.uint8).reshape(2, 4, 3)
SCRIPT = "<script>document.title = 'hacked'</script>"
LONG = "x" * 300
COMMAND = f"multitask fit --config=a.yaml {' '.join(f'--model.tasks.t{i}=1' for i in range(20))}"
ROWS = [["b", "10", "1 ± 2"], ["a", "9", ""], ["C", "1,234", "0.5*"], ["", "-1e-3", "nan"]]

Open = Callable[..., Visit]


def blocks_of(names: list[str], folder: Path) -> list[Block]:
    """Each kind of block, with names in the data wherever there can be one."""
    Image.fromarray(np.zeros((300, 2000, 3), np.uint8)).save(folder / "a.png")
    card = Card([Picture(picture(PIXELS).png, names[0])] * 2, names[0], names)
    heads = [f"{names[0]} {place}" for place in range(30)]
    wide = Table(heads, [[names[0], *["1.5"] * 29]] * 60)
    return [
        Heading(names[0], 1),
        Section("Method", Code(names[0])),
        *(Section(name, name) for name in names),
        Table(["name", "number", "interval"], ROWS),
        wide,
        Table(["index", *names], [["1", *map(Code, names)]], of_samples=True),
        Bullets(names),
        Commands([COMMAND, *names]),
        Gallery([card] * 8),
        Figure(folder / "a.png", names[0]),
        Paragraph("word " * 500),
    ]


@pytest.fixture
def show(tmp_path: Path, visit: Open) -> Open:
    """Writes a page of all blocks, and opens it."""

    def written(*names: str, **options: object) -> Visit:
        path = tmp_path / "page.html"
        write_html(blocks_of(list(names) or ["name"], tmp_path), path, "page")
        return visit(path.as_uri(), **options)

    return written


def test_hostile_names_are_read_and_never_run(show: Open) -> None:
    found = show(SCRIPT, *HOSTILE)
    assert found.page.title() == "page"
    assert found.complaints == []
    assert len(found.requests) == 1
    assert found.page.locator("main h2").count() == 2 + len(HOSTILE)
    assert SCRIPT in found.page.locator("h1").inner_text()
    assert found.page.locator("script").count() == 1


def test_a_page_that_was_tampered_with_runs_and_loads_nothing(tmp_path: Path, visit: Open) -> None:
    path = tmp_path / "page.html"
    write_html([Table(["a", "b"], [["1", "2"], ["3", "4"]])], path, "page")
    with socket.create_server(("127.0.0.1", 0)) as server:
        elsewhere = f"http://127.0.0.1:{server.getsockname()[1]}"
        more = f"{SCRIPT}<img src={elsewhere}/x onerror='document.title = 1'>"
        more += f"<link rel=stylesheet href={elsewhere}/y><script src={elsewhere}/z></script>"
        path.write_text(path.read_text().replace("<main>", f"<main>{more}"))
        found = visit(path.as_uri())
        assert select.select([server], [], [], 0.2)[0] == []
    assert found.page.title() == "page"
    # The page's own script runs.
    assert found.page.locator("th button").count() == 2


def test_a_click_sorts_a_second_reverses_and_a_third_restores(show: Open) -> None:
    table = show().page.locator("table").first
    head, number, interval = table.locator("thead th").all()

    def column(at: int) -> list[str]:
        return [row.split("\t")[at] for row in table.locator("tbody").inner_text().split("\n")]

    number.locator("button").click()
    assert number.get_attribute("aria-sort") == "ascending"
    assert column(1) == ["-1e-3", "9", "10", "1,234"]
    number.locator("button").press("Enter")
    assert number.get_attribute("aria-sort") == "descending"
    assert column(1) == ["1,234", "10", "9", "-1e-3"]
    interval.locator("button").click()
    assert number.get_attribute("aria-sort") is None
    # What is missing comes last.
    assert column(2)[:2] == ["0.5*", "1 ± 2"]
    interval.locator("button").click()
    assert column(2)[:2] == ["1 ± 2", "0.5*"]
    interval.locator("button").click()
    assert column(1) == [row[1] for row in ROWS]
    head.locator("button").click()
    assert column(0) == ["a", "b", "C", ""]


def test_without_scripts_all_is_there_but_the_buttons(show: Open) -> None:
    found = show(scripts=False)
    table = found.page.locator("table").first
    assert table.locator("tbody tr").count() == len(ROWS)
    assert table.locator("thead th").all_inner_texts() == ["name", "number", "interval"]
    assert found.page.locator("button").count() == 0


@pytest.mark.parametrize("width", [320, 400, 1280])
def test_nothing_is_wider_than_the_screen(show: Open, width: int) -> None:
    page = show(LONG, "猫" * 200, width=width).page
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    image = page.locator(".drawn img").bounding_box()
    assert image is not None
    assert image["x"] + image["width"] <= width
    # The wide table scrolls in its own box, under heads that stay.
    box = page.locator(".scroll").nth(1)
    assert box.evaluate("box => box.scrollWidth > box.clientWidth")
    assert box.evaluate("box => box.scrollHeight > box.clientHeight")
    before = box.locator("thead").bounding_box()
    box.evaluate("box => box.scrollTo(50, 400)")
    after = box.locator("thead th").first.bounding_box()
    assert before is not None
    assert after is not None
    assert abs(after["y"] - before["y"]) < 2


def test_a_command_wraps_and_is_copied_whole(show: Open) -> None:
    pre = show("b   c").page.locator("pre")
    copied = pre.evaluate("pre => (getSelection().selectAllChildren(pre), `${getSelection()}`)")
    assert copied == pre.inner_text() == f"{COMMAND}\nb   c"
    height = pre.locator("code").first.evaluate("code => code.clientHeight")
    assert height > 2 * pre.locator("code").nth(1).evaluate("code => code.clientHeight")


def test_lines_have_about_70_characters(show: Open) -> None:
    paragraph = show().page.locator("main > p").last
    lines = paragraph.evaluate("p => p.getClientRects()[0].height / 24.8")
    assert 60 < len("word " * 500) / lines < 80


def test_the_contents_lead_to_each_section(show: Open) -> None:
    page = show("a b", "a-b", "#%", "猫").page
    links = page.locator("nav a")
    assert links.all_inner_texts() == ["Method", "a b", "a-b", "#%", "猫"]
    for link in links.all():
        link.click()
        heading = page.locator("main h2", has_text=link.inner_text()).first
        assert heading.evaluate("h => h.matches(':target') && h.getBoundingClientRect().top < 800")


RATIO = """
element => {
  const light = (colour) => {
    const parts = colour.match(/[0-9.]+/g).slice(0, 3).map((part) => part / 255)
      .map((part) => part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4);
    return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2] + 0.05;
  };
  let ground = element;
  while (getComputedStyle(ground).backgroundColor === "rgba(0, 0, 0, 0)") {
    ground = ground.parentElement;
  }
  const found = [light(getComputedStyle(element).color),
                 light(getComputedStyle(ground).backgroundColor)];
  return Math.max(...found) / Math.min(...found);
}
"""


@pytest.mark.parametrize("dark", [False, True])
def test_text_is_legible_in_light_and_dark(show: Open, dark: bool) -> None:
    page = show("name", "other", dark=dark).page
    red = page.evaluate("getComputedStyle(document.body).backgroundColor.match(/[0-9]+/)[0]")
    assert (int(red) < 60) == dark
    for what in ("h1", ".answer", "td", "th button", "nav a", "nav h2", "figcaption", "pre code"):
        assert page.locator(what).first.evaluate(RATIO) >= 4.5, what
    drawn = page.locator(".drawn img")
    assert drawn.evaluate("i => getComputedStyle(i).backgroundColor") == "rgb(255, 255, 255)"


def test_a_print_has_all_rows_and_no_contents(show: Open) -> None:
    page = show("a", "b").page
    page.emulate_media(media="print")
    assert not page.locator("nav").is_visible()
    box = page.locator(".scroll").nth(1)
    assert box.evaluate("box => box.scrollHeight <= box.clientHeight + 1")
