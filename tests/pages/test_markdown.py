"""Markdown in which a name is a text, whatever it is."""

from __future__ import annotations

from pathlib import Path, PurePosixPath

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from markdown_it.token import Token
from pages.hostile_names import HOSTILE

from multitask.pages.blocks import (
    Bullets,
    Card,
    Code,
    Commands,
    Gallery,
    Heading,
    Link,
    Mark,
    Paragraph,
    Picture,
    Section,
    Table,
)
from multitask.pages.markdown import markdown, on_screen
from multitask.pages.shown import shown

READER = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])


def tokens_of(text: str) -> list[Token]:
    found: list[Token] = []
    for token in READER.parse(text):
        found += [token, *(token.children or [])]
    return found


def check(name: str, folder: Path) -> None:
    # Spaces at the ends of a line are no text in Markdown.
    seen = shown(name).strip(" ")
    blocks = [
        Heading(name, 1),
        Paragraph(name),
        Bullets([name, (name, ": ", Code(name))]),
        Table([name, "number"], [[name, "-1.5"], [(name, Code(name)), "2"]]),
        Paragraph(Link(name, PurePosixPath("few", "report.html"))),
        Commands([name]),
        Section(name, name),
        Gallery([Card([], name, [name])]),
    ]
    text = markdown(blocks, folder)
    assert "\r" not in text
    tokens = tokens_of(text)
    kinds = [token.type for token in tokens if token.nesting == 1]
    assert kinds == [
        "heading_open",
        "paragraph_open",
        *("bullet_list_open", *("list_item_open", "paragraph_open") * 2),
        *("table_open", "thead_open", "tr_open", "th_open", "th_open"),
        *("tbody_open", *("tr_open", "td_open", "td_open") * 2),
        *("paragraph_open", "link_open"),
        *("heading_open", "paragraph_open"),
        *("bullet_list_open", "list_item_open", "paragraph_open"),
    ]
    assert not [token for token in tokens if token.type in ("html_inline", "html_block", "image")]
    inline = [token for token in tokens if token.type == "inline"]
    texts = [
        "".join(child.content for child in token.children or [] if child.type != "softbreak")
        for token in inline
    ]
    assert [texts[place].strip(" ") for place in (0, 1, 2, 4, 6, 10, 11, 12)] == [seen] * 8
    assert texts[13].strip(" ") == f"{seen}: {shown(name)}".strip(" ")
    codes = [token.content for token in tokens if token.type == "code_inline"]
    assert [each.strip(" ") for each in codes] == [seen, seen]
    (commands,) = (token for token in tokens if token.type == "fence")
    assert commands.content == f"{shown(name)}\n"
    assert "://" not in text.split("```")[0].replace(f"`{shown(name)}`", "")


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_name_is_a_text(name: str, tmp_path: Path) -> None:
    check(name, tmp_path)


LETTERS = "\\`*_{}[]()<>#+-.!|~$&:;=/\"'\n\t ab1"


@settings(max_examples=150, deadline=None, derandomize=True)
@given(name=st.text(LETTERS, min_size=1, max_size=12) | st.text(min_size=1, max_size=12))
def test_any_name_is_a_text(name: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    if name.strip():
        check(name.strip(), tmp_path_factory.getbasetemp())


@pytest.mark.parametrize("name", HOSTILE)
def test_the_screen_gets_no_codes(name: str) -> None:
    text = on_screen([Heading(name), Table([name], [[name]]), Paragraph((name, Code(name)))])
    assert all(
        line.isprintable() or "\u200c" in line or "\u200d" in line for line in text.split("\n")
    )
    assert "\x1b" not in text


def test_what_needs_no_escape_is_left_as_it_is(tmp_path: Path) -> None:
    text = "class_a: 3.5 ± 0.1 (75 %), val/score ↑, +0.1, 'a' = b"
    assert markdown([Paragraph(text)], tmp_path) == f"{text}\n"


def test_a_section_begins_with_its_answer_and_a_gallery_is_a_list(tmp_path: Path) -> None:
    cards = [Card([Picture(b"")], "a.png", ["target: 1", "loss: 2"]), Card([], "b.png")]
    blocks = [Section("Errors", "One is large."), Gallery(cards)]
    text = "## Errors\n\nOne is large.\n\n- a.png: target: 1; loss: 2\n- b.png\n"
    assert markdown(blocks, tmp_path) == text
    assert on_screen(blocks) == "## Errors\n\nOne is large.\n"


def test_numbers_stand_at_the_right_and_texts_at_the_left(tmp_path: Path) -> None:
    table = Table(["run", "n", "why"], [["1", "20", "it failed"]])
    lines = markdown([table], tmp_path).splitlines()
    assert lines == ["| run | n | why |", "| --- | --: | --- |", "| 1 | 20 | it failed |"]
    assert on_screen([table]).splitlines()[1] == "| --- | --: | --------- |"


@pytest.mark.parametrize("name", HOSTILE)
def test_words_that_speak_for_and_against_something(name: str, tmp_path: Path) -> None:
    text: tuple[str | Mark, ...] = ("a ", Mark(name, 0.9), Mark(name, -0.9), Mark("pale", 0.2))
    (paragraph,) = [
        each for each in tokens_of(markdown([Paragraph(text)], tmp_path)) if each.children
    ]
    tags = [each.content for each in paragraph.children or [] if each.type == "html_inline"]
    seen = "".join(each.content for each in paragraph.children or [] if each.type == "text")
    if shown(name).strip():
        assert tags == ["<b>", "</b>", "<i>", "</i>"]
    assert seen.count(shown(name).strip(" ")) >= 2
    assert "pale" in seen
    assert on_screen([Paragraph(("a", Mark("b", 1)))]) == "ab\n"
