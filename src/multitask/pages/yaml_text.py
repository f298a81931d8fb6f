"""YAML from which every text is read as it was, by any reader.

YAML 1.1 takes ``yes`` and ``on`` for truth values, YAML 1.2 takes ``1e3`` for a number, and PyYAML
writes some ends of lines in a way that it does not read.
"""

from __future__ import annotations

import re
from typing import Any

import yaml

PLAIN = re.compile(r"[A-Za-z_][\w./-]*", re.ASCII)
# What no text of ours is without quotes, though PyYAML would write it so.
LETTERS = ("y", "Y", "n", "N")
LIKE_A_NUMBER = re.compile(r"[-+.0-9][-+.:0-9_A-Za-z]*")
ESCAPES = {'"': '\\"', "\\": "\\\\"}


def to_yaml(value: Any) -> str:
    """Write lists, mappings and plain values as YAML, in blocks.

    Args:
        value: what to write; the order of keys stays.
    """
    return yaml.dump(value, Dumper=_Dumper, sort_keys=False, allow_unicode=True)


def in_one_line(value: Any) -> str:
    """Write a value as YAML in one line, as for a command.

    Args:
        value: what to write.
    """
    text = yaml.dump(
        value, Dumper=_Dumper, default_flow_style=True, allow_unicode=True, width=10**9
    )
    return text.strip().removesuffix("\n...")


def scalar(text: str) -> str:
    """A text as YAML, in quotes where it would be read as something else.

    Args:
        text: what to write.
    """
    is_plain = PLAIN.fullmatch(text) and not _is_misread(text) and yaml.safe_load(text) == text
    return text if is_plain else f'"{"".join(map(_escaped, text))}"'


def _escaped(character: str) -> str:
    if character.isprintable():
        return ESCAPES.get(character, character)
    code = ord(character)
    return (
        f"\\x{code:02x}" if code < 2**8 else f"\\u{code:04x}" if code < 2**16 else f"\\U{code:08x}"
    )


def _is_misread(text: str) -> bool:
    return text in LETTERS or bool(LIKE_A_NUMBER.fullmatch(text)) or not text.isprintable()


class _Dumper(yaml.SafeDumper):
    pass


def _represented(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    style = '"' if _is_misread(text) else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Dumper.add_representer(str, _represented)
