"""YAML of strangers is refused before anything is built from it."""

from __future__ import annotations

import os
from pathlib import Path
from threading import Thread

import pytest

from multitask.configuration.settings import read_argument, read_config
from multitask.configuration.yaml_text import DEEPEST, MOST_VALUES, read_yaml
from multitask.errors import InputError

NINE = "[" + ", ".join(["{}"] * 9) + "]"
BOMB = "a: &a " + NINE.replace("{}", "x")
for _above, _below in zip("bcdefgh", "abcdefg", strict=True):
    BOMB += f"\n{_above}: &{_above} " + NINE.replace("{}", f"*{_below}")
REFUSED = {
    "a list that contains itself": ("a: &a [*a]", "'*a' stands for a value that contains it"),
    "a mapping that contains itself": ("a: &a {b: *a}", "contains it"),
    "a mapping merged into itself": ("a: &a\n  <<: *a", "contains it"),
    "by way of another": ("a: &a [&b [*a]]\nb: *b", "contains it"),
    "lists in lists": ("a: " + "[" * 10_000 + "]" * 10_000, f"{DEEPEST} nested levels"),
    "so deep that a stack would overflow": ("- " * 100_000 + "x", f"{DEEPEST} nested levels"),
    "aliases that multiply": (BOMB, f"{MOST_VALUES:,} values"),
    "a number of thousands of digits": ("a: " + "9" * 5_000, "digits"),
    "a number to the base of 60": ("a: " + "1:" * 3_000 + "1", "digits"),
    "an object of Python": ("a: !!python/object/apply:os.getcwd []", "python/object/apply"),
    "a set": ("a: !!set {b, c}", "the tag tag:yaml.org,2002:set"),
    "no truth value": ("a: !!bool x", "invalid YAML"),
    "no YAML": ("a: [1", "invalid YAML"),
    "a control character": ("a: \x00", "invalid YAML"),
}


@pytest.mark.parametrize(("text", "says"), REFUSED.values(), ids=REFUSED)
def test_what_cannot_be_built_is_refused_at_once(text: str, says: str, tmp_path: Path) -> None:
    path = tmp_path / "x.yaml"
    path.write_text(text)
    with pytest.raises(InputError, match=r"x\.yaml") as refused:
        read_config(path)
    assert says in str(refused.value)
    with pytest.raises(InputError, match=r"x\.yaml"):
        read_yaml(path)


@pytest.mark.parametrize("value", ["&a [*a]", "[" * 10_000 + "]" * 10_000, "9" * 5_000, "\udcff"])
def test_the_same_as_an_argument(value: str) -> None:
    with pytest.raises(InputError, match=r"^--run\.root: "):
        read_argument(value, "--run.root")


def test_aliases_and_merges_of_a_sensible_size_stay(tmp_path: Path) -> None:
    path = tmp_path / "x.yaml"
    path.write_text("a: &a {b: [1, 2]}\nc: {<<: *a, d: *a}\ne: !!str 3\n")
    inner = {"b": [1, 2]}
    found = {"a": inner, "c": {**inner, "d": inner}, "e": "3"}
    assert read_config(path).plain() == found
    assert read_yaml(path) == found


def test_a_list_of_many_classes_stays(tmp_path: Path) -> None:
    path = tmp_path / "x.yaml"
    names = [f"class {number}" for number in range(20_000)]
    path.write_text("classes:\n" + "".join(f"- {name}\n" for name in names))
    assert read_config(path).plain() == {"classes": names}


def test_a_file_that_is_not_utf_8(tmp_path: Path) -> None:
    path = tmp_path / "x.yaml"
    path.write_bytes(b"a: \xff")
    with pytest.raises(InputError, match="UTF-8"):
        read_yaml(path)


def test_a_pipe_is_refused_before_it_is_waited_for(tmp_path: Path) -> None:
    pipe = tmp_path / "x.yaml"
    os.mkfifo(pipe)
    # With a writer, whoever reads it finds nothing instead of waiting.
    writer = Thread(target=lambda: pipe.open("w").close(), daemon=True)
    writer.start()
    for read in (read_config, read_yaml):
        with pytest.raises(InputError, match=r"x\.yaml is a pipe, .*give a YAML file"):
            read(pipe)
