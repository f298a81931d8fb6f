"""YAML that is safe to read: neither nested nor growing without end, with decimal numbers alone."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import yaml
from jsonargparse import _loaders_dumpers

from multitask.errors import InputError

DECIMAL = {
    "int": r"[-+]?(?:0|[1-9][0-9]*)",
    "float": r"[-+]?(?:[0-9]+\.[0-9]*|\.[0-9]+|[0-9]+(?=[eE]))(?:[eE][-+]?[0-9]+)?"
    r"|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)",
}
"""The numbers, by their kind. YAML 1.1 has others: 017 is 15, 1:30 is 90, 0b11 is 3."""
NUMBERS = {"int": "a whole number", "float": "a number"}
NO_NUMBER = ("timestamp", "value")
"""Other kinds of values that no setting takes: what looks like one is text."""
DEEPEST = 100
"""Levels; nothing that the program reads has a tenth of them."""
MOST_VALUES = 200_000
"""Values, those that aliases repeat included; a file that lists all classes has far fewer."""
TAGS = ("", "!", *(f"tag:yaml.org,2002:{name}" for name in ["str", "int", "float", "bool", "null"]))
"""What may stand before a value; others make objects that no setting takes."""
NUMBER = re.compile(r"[-+]?[0-9][0-9a-fA-FxX_:]*")
MOST_DIGITS = 300
"""A float has fewer, and Python does not write a whole number of some thousands."""


class Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
    """Reads decimal numbers as numbers, and those of YAML 1.1 that are not decimal as text."""


Loader.yaml_implicit_resolvers = {
    first: [each for each in known if each[0].rpartition(":")[2] not in (*DECIMAL, *NO_NUMBER)]
    for first, known in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
for _kind, _pattern in DECIMAL.items():
    _tag, _whole = f"tag:yaml.org,2002:{_kind}", re.compile(f"(?:{_pattern})$", re.ASCII)
    Loader.add_implicit_resolver(_tag, _whole, list("-+.0123456789"))
# The parser reads files and arguments once more, and has to read the same in them.
_loaders_dumpers.yaml_default_loader = Loader  # type: ignore[assignment]


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
        yaml.YAMLError: if it is not YAML; `UnreadableYaml` if it is nested too deeply, holds too
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
        InputError: naming the file, and the line that is wrong, if it is not YAML.
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

    What builds values from it goes down into it level by level.
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
            kind = (event.tag or "").rpartition(":")[2]
            if kind in DECIMAL and not re.fullmatch(DECIMAL[kind], event.value, re.ASCII):
                what = f"{event.value} is not {NUMBERS[kind]} in decimal digits"
                raise UnreadableYaml(what, event.start_mark)
        if (tag := getattr(event, "tag", None) or "") not in TAGS:
            raise UnreadableYaml(f"the tag {tag}; write the value alone", event.start_mark)
        if len(unclosed) > DEEPEST:
            raise UnreadableYaml(f"more than {DEEPEST} levels in each other", event.start_mark)
        if total > MOST_VALUES:
            what = f"more than {MOST_VALUES:,} values, those that aliases repeat included"
            raise UnreadableYaml(what, event.start_mark)
