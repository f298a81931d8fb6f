"""YAML written line by line, so that it can contain comments."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Iterator, Sequence
from typing import Any

from multitask.pages import yaml_text

WIDTH = 100


def scalar(value: Any) -> str:
    """Format a text, number or truth value as YAML, with quotes if it would be misread otherwise.

    Args:
        value: the value to write.
    """
    return yaml_text.scalar(value) if isinstance(value, str) else json.dumps(value)


def number(value: float) -> int | float:
    """Remove the decimals of a number if they are zero."""
    return int(value) if value.is_integer() and abs(value) < 2**53 else value


def sequence(key: str, values: Sequence[Any], indent: int) -> Iterator[str]:
    """Write a list after its key, wrapped if a line would be too long.

    Args:
        key: the key, before the colon.
        values: texts or numbers.
        indent: number of spaces before the key.
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
    """Write a comment, wrapped.

    Args:
        text: text of any length; unprintable characters are omitted.
        indent: number of spaces before it.
    """
    printable = "".join(each if each.isprintable() else " " for each in text)
    start = " " * indent + "# "
    yield from textwrap.wrap(
        printable, WIDTH, initial_indent=start, subsequent_indent=start, break_on_hyphens=False
    )
