"""YAML with comments."""

from __future__ import annotations

import pytest
import yaml

from multitask.inspection.yaml_lines import comment, scalar, sequence

TEXTS = ["zero", "no", "1", "1e3", "a: b", "# c", "", " x ", "日本", 'a"b\\', "x\u2028y", "~", "[a"]


@pytest.mark.parametrize("text", TEXTS)
def test_every_text_is_read_as_it_was_written(text: str) -> None:
    assert yaml.safe_load(f"key: {scalar(text)}") == {"key": text}


def test_long_lists_are_broken_and_read_as_they_were() -> None:
    names = [f"class {number}" for number in range(60)]
    lines = list(sequence("classes", names, 4))
    assert max(map(len, lines)) <= 100
    assert yaml.safe_load("\n".join(lines)) == {"classes": names}


def test_a_comment_stays_one() -> None:
    lines = list(comment("a\nb: c\x85d\u2028e " + "word " * 30, 2))
    assert all(line.startswith("  # ") and len(line) <= 100 for line in lines)
    assert yaml.safe_load("\n".join(lines)) is None
