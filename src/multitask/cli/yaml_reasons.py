"""Why a text is no YAML, in plain words."""

from __future__ import annotations

import re

import yaml

# Both of PyYAML's parsers, whose words differ.
REASONS = (
    (r"cannot start any token", "a value cannot begin with '{character}'; put it in quotes"),
    (r"mapping values are not allowed", "a colon too much, or wrong indentation"),
    (r"expected ',' or '\]'", "a list is not closed by ']'; it begins in line {begin}"),
    (r"expected ',' or '\}'", "a mapping is not closed by '}}'; it begins in line {begin}"),
    (r"unexpected end of stream", "a quote is not closed; it begins in line {begin}"),
    (r"expected key|expected <block end>", "the indentation does not fit the lines above"),
    (r"expected '-' indicator", "the indentation does not fit the lines above"),
    (r"another document", "a second document begins; a file holds one"),
    (r"undefined alias", "a '*' takes up a value that no '&' names"),
)


def reason(error: Exception, text: str = "") -> str:
    """Say what is wrong with a text.

    Args:
        error: what PyYAML raised.
        text: what it was reading.
    """
    problem = getattr(error, "problem", None) or str(error).splitlines()[0]
    mark = getattr(error, "problem_mark", None)
    begin = getattr(error, "context_mark", None) or mark
    line = text.splitlines()[mark.line] if mark and mark.line < len(text.splitlines()) else ""
    character = line[mark.column : mark.column + 1] if mark else ""
    if character == "\t":
        return "a tab; indent with spaces"
    for pattern, words in REASONS:
        if begin and re.search(pattern, problem):
            return words.format(character=character, begin=begin.line + 1)
    return problem


def line_of(error: yaml.YAMLError) -> int | None:
    """The line that an error was found in, from 1; None where that is unknown."""
    mark = getattr(error, "problem_mark", None)
    return mark.line + 1 if mark else None
