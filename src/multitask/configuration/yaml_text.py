"""Safe YAML: nesting and expansion are limited, and numbers are decimal."""

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
"""Patterns of numbers by kind. YAML 1.1 has others: 017 is 15, 1:30 is 90, 0b11 is 3."""
NUMBERS = {"int": "a whole number", "float": "a number"}
NO_NUMBER = ("timestamp", "value")
"""Other kinds of values, which no setting accepts: such values are read as text."""
DEEPEST = 100
"""Most levels; nothing that the program reads has a tenth of them."""
MOST_VALUES = 200_000
"""Most values, including those repeated by aliases; a file that lists all classes has far fewer."""
MOST_CHARACTERS = 2**26
"""Most characters of a file, which are read before it is parsed."""
TAGS = ("", "!", *(f"tag:yaml.org,2002:{name}" for name in ["str", "int", "float", "bool", "null"]))
"""Allowed tags of values; others create objects that no setting accepts."""
NUMBER = re.compile(r"[-+]?[0-9][0-9a-fA-FxX_:]*")
MOST_DIGITS = 300
"""Most digits; a float has fewer, and Python refuses to print integers of several thousand."""


class Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
    """Reads decimal numbers as numbers, and the other number formats of YAML 1.1 as text."""


Loader.yaml_implicit_resolvers = {
    first: [each for each in known if each[0].rpartition(":")[2] not in (*DECIMAL, *NO_NUMBER)]
    for first, known in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
for _kind, _pattern in DECIMAL.items():
    _tag, _whole = f"tag:yaml.org,2002:{_kind}", re.compile(f"(?:{_pattern})$", re.ASCII)
    Loader.add_implicit_resolver(_tag, _whole, list("-+.0123456789"))
# The parser reads files and arguments again, and must read the same values.
_loaders_dumpers.yaml_default_loader = Loader  # type: ignore[assignment]


class UnreadableYaml(yaml.YAMLError):
    """YAML whose values cannot be built, or not in finite time.

    Args:
        problem: description of the problem.
        mark: its position.
    """

    def __init__(self, problem: str, mark: Any = None) -> None:
        super().__init__(problem)
        self.problem, self.problem_mark = problem, mark


def compose(text: str) -> yaml.Node | None:
    """Return the root node of a YAML text, or None if it is empty.

    Args:
        text: text of a file or an argument, possibly untrusted.

    Raises:
        yaml.YAMLError: if it is not YAML; `UnreadableYaml` if it is nested too deeply, holds too
            many values, too long a number or a tag that is not in `TAGS`, or an alias refers to a
            value that contains it.
    """
    try:
        _check(text)
        return Loader(text).get_single_node()
    except UnicodeEncodeError as error:
        raise UnreadableYaml("it is not UTF-8 text") from error


def bounded_text(path: Path) -> str:
    """Read a file of text, which may be a device that never ends.

    Raises:
        InputError: if it is a pipe, or too long to be a configuration.
        OSError: if it cannot be read.
        UnicodeDecodeError: if it is not UTF-8 text.
    """
    if path.is_fifo():
        # The parser reads the file again, and would find nothing, or wait for a writer.
        raise InputError(f"{path} is a pipe, which can be read only once; give a YAML file")
    with path.open(encoding="utf-8") as file:
        text = file.read(MOST_CHARACTERS + 1)
    if len(text) > MOST_CHARACTERS:
        raise InputError(f"{path} has more than {MOST_CHARACTERS:,} characters; give a YAML file")
    return text


def read_yaml(path: Path) -> Any:
    """Read a YAML file.

    Raises:
        InputError: naming the file and the wrong line, if it is not YAML.
        OSError: if it cannot be read.
    """
    try:
        text = bounded_text(path)
        compose(text)
        return yaml.load(text, Loader)
    except UnicodeDecodeError as error:
        raise InputError(f"{path} is not UTF-8 text") from error
    except (yaml.YAMLError, ValueError, KeyError) as error:
        mark = getattr(error, "problem_mark", None)
        place = f"{path}:{mark.line + 1}" if mark else str(path)
        reason = getattr(error, "problem", None) or str(error)
        raise InputError(f"{place}: invalid YAML: {reason}") from error


def _check(text: str) -> None:
    """Check a text event by event, with memory and stack limited by the length of the text.

    The code that builds values from it is recursive.
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
            raise UnreadableYaml(f"more than {DEEPEST} nested levels", event.start_mark)
        if total > MOST_VALUES:
            what = f"more than {MOST_VALUES:,} values, including those that aliases repeat"
            raise UnreadableYaml(what, event.start_mark)
