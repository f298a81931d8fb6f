"""YAML that is safe to read: neither nested without end, nor growing without end."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import yaml

from multitask.errors import InputError

Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""The parser's own choice; the two differ in what they forgive."""
DEEPEST = 100
"""Levels; nothing that the program reads has a tenth of them."""
MOST_VALUES = 200_000
"""Values, those that aliases repeat included; a file that lists all classes has far fewer."""
TAGS = ("", "!", *(f"tag:yaml.org,2002:{name}" for name in ["str", "int", "float", "bool", "null"]))
"""What may stand before a value; others make objects that no setting takes."""
NUMBER = re.compile(r"[-+]?[0-9][0-9a-fA-FxX_:]*")
MOST_DIGITS = 300
"""A float has fewer, and Python does not write a whole number of some thousands."""


class UnreadableYaml(yaml.YAMLError):
    """YAML whose values cannot be built, or not in finite time.

    Args:
        problem: in words.
        mark: where it stands.
    """

    def __init__(self, problem: str, mark: Any = None) -> None:
        super().__init__(problem)
        self.problem, self.problem_mark = problem, mark


def compose(text: str) -> yaml.Node | None:
    """The root of a YAML text, None if there is nothing in it.

    Args:
        text: of a file or an argument, and anybody's.

    Raises:
        yaml.YAMLError: if it is no YAML; `UnreadableYaml` if it is nested too deeply, holds too
            many values, too long a number or another tag than `TAGS`, or an alias stands for what
            it is itself a part of.
    """
    try:
        _check(text)
        return Loader(text).get_single_node()
    except UnicodeEncodeError as error:
        raise UnreadableYaml("it is not text in UTF-8") from error


def read_yaml(path: Path) -> Any:
    """Read a YAML file.

    Raises:
        InputError: naming the file, and the line that is wrong, if it is no YAML.
        OSError: if it cannot be read.
    """
    try:
        text = path.read_text(encoding="utf-8")
        compose(text)
        return yaml.load(text, Loader)
    except UnicodeDecodeError as error:
        raise InputError(f"{path} is not text in UTF-8") from error
    except (yaml.YAMLError, ValueError, KeyError) as error:
        mark = getattr(error, "problem_mark", None)
        place = f"{path}:{mark.line + 1}" if mark else str(path)
        reason = getattr(error, "problem", None) or str(error)
        raise InputError(f"{place}: invalid YAML: {reason}") from error


def _check(text: str) -> None:
    """Look at a text event by event, which takes no more memory or stack than the text is long.

    Whoever builds values from it goes down into it level by level.
    """
    sizes: dict[str | None, int | None] = {}
    unclosed: list[tuple[str | None, int]] = []
    total = 0
    for event in yaml.parse(text, Loader):
        anchor = getattr(event, "anchor", None)
        if isinstance(event, yaml.CollectionEndEvent):
            anchor, before = unclosed.pop()
            sizes[anchor] = total - before
        elif isinstance(event, yaml.AliasEvent):
            if (size := sizes.get(anchor, 1)) is None:
                what = f"'*{anchor}' stands for a value that contains it"
                raise UnreadableYaml(what, event.start_mark)
            total += size
        elif isinstance(event, yaml.CollectionStartEvent):
            unclosed.append((anchor, total))
            sizes[anchor] = None
            total += 1
        elif isinstance(event, yaml.ScalarEvent):
            sizes[anchor] = 1
            total += 1
            if len(event.value) > MOST_DIGITS and NUMBER.fullmatch(event.value):
                what = f"a number of more than {MOST_DIGITS} digits"
                raise UnreadableYaml(what, event.start_mark)
        if (tag := getattr(event, "tag", None) or "") not in TAGS:
            raise UnreadableYaml(f"the tag {tag}; write the value alone", event.start_mark)
        if len(unclosed) > DEEPEST:
            raise UnreadableYaml(f"more than {DEEPEST} levels in each other", event.start_mark)
        if total > MOST_VALUES:
            what = f"more than {MOST_VALUES:,} values, those that aliases repeat included"
            raise UnreadableYaml(what, event.start_mark)
