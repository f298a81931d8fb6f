"""Arguments as written on the command line, also for verbs that read no configuration."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from pathlib import Path

from multitask.errors import InputError

OPTION = re.compile(r"--|-[a-zA-Z]")
WITHOUT_VALUE = re.compile(r"-+(.*\.)?(print_config|help|h|trust)")


def joined(arguments: Sequence[str]) -> list[str]:
    """Write ``--name value`` as ``--name=value``, for all code that reads arguments."""
    found: list[str] = []
    for each in arguments:
        before = found[-1] if found else ""
        takes_value = OPTION.match(before) and "=" not in before
        if takes_value and not WITHOUT_VALUE.fullmatch(before) and not OPTION.match(each):
            found[-1] = f"{before}={each}"
        else:
            found.append(each)
    return found


def gathered(arguments: Sequence[str], names: Collection[str]) -> list[str]:
    """Write ``--name one two`` as ``--name=one,two``, for options that take several values.

    Args:
        arguments: the arguments as written.
        names: names of these options. The path of an existing file or folder is not a value of
            theirs.
    """
    found: list[str] = []
    is_open = False
    for each in joined(arguments):
        if OPTION.match(each):
            is_open = each.lstrip("-").partition("=")[0] in names and "=" in each
        elif is_open and not Path(each).exists():
            found[-1] += f",{each}"
            continue
        found.append(each)
    return found


def has_subject(arguments: Sequence[str]) -> bool:
    """Return whether any argument is neither an option nor its value."""
    return not all(map(OPTION.match, joined(arguments)))


def values_of(arguments: Sequence[str], *names: str) -> list[str]:
    """Return the values given to an option such as ``config``, in order."""
    given = (each.lstrip("-").partition("=") for each in arguments if OPTION.match(each))
    return [value for name, equals, value in given if name in names and equals]


def whole_number(name: str, text: str, also: str = "") -> int:
    """Read a whole number, 1 or more.

    Args:
        name: the option.
        text: its value.
        also: what else is accepted, for the message.

    Raises:
        InputError: if it is anything else.
    """
    if not (text.isascii() and text.isdigit() and 0 < int(text[:10]) < 10**9):
        raise InputError(f"--{name} is {text}; give a whole number, 1 or more{also}")
    return int(text)
