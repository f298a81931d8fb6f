"""YAML written line by line, so that it can have comments."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Iterator, Sequence
from typing import Any

from multitask.pages import yaml_text

WIDTH = 100


def scalar(value: Any) -> str:
    """A text, number or truth value as YAML, in quotes where it would be read as something else.

    Args:
        value: what to write.
    """
    return yaml_text.scalar(value) if isinstance(value, str) else json.dumps(value)


def number(value: float) -> int | float:
    """A number without decimals that are zero."""
    return int(value) if value.is_integer() and abs(value) < 2**53 else value


def sequence(key: str, values: Sequence[Any], indent: int) -> Iterator[str]:
    """The lines of a list after its key, broken where they would be too long.

    Args:
        key: before the colon.
        values: texts or numbers.
        indent: spaces before the key.
    """
    start = f"{' ' * indent}{key}: ["
    line = start
    for place, value in enumerate(values):
        part = scalar(value) + ("]" if place == len(values) - 1 else ",")
        if len(line) + len(part) + 1 > WIDTH and line != start:
            yield line
            line = " " * (indent + 2)
        line += part if line.endswith("[") or line.isspace() else f" {part}"
    yield line


def comment(text: str, indent: int) -> Iterator[str]:
    """The lines of a comment.

    Args:
        text: of any length; what cannot be printed is left out.
        indent: spaces before it.
    """
    printable = "".join(each if each.isprintable() else " " for each in text)
    start = " " * indent + "# "
    yield from textwrap.wrap(
        printable, WIDTH, initial_indent=start, subsequent_indent=start, break_on_hyphens=False
    )
