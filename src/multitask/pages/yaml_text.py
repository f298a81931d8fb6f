"""YAML from which any reader restores every text exactly.

YAML 1.1 reads ``yes`` and ``on`` as booleans, YAML 1.2 reads ``1e3`` as a number, and PyYAML writes
some line endings in a way that it cannot read back.
"""

from __future__ import annotations

import re
from enum import Enum
from typing import Any

import yaml

PLAIN = re.compile(r"[A-Za-z_][\w./-]*", re.ASCII)
# Texts that must be quoted, though PyYAML would write them without quotes.
LETTERS = ("y", "Y", "n", "N")
LIKE_A_NUMBER = re.compile(r"[-+.0-9][-+.:0-9_A-Za-z]*")
ESCAPES = {'"': '\\"', "\\": "\\\\"}


def to_yaml(value: Any) -> str:
    """Write lists, mappings and plain values as YAML in block style.

    Args:
        value: the value to write; the order of keys is kept.
    """
    return yaml.dump(value, Dumper=_Dumper, sort_keys=False, allow_unicode=True)


def in_one_line(value: Any) -> str:
    """Write a value as YAML on one line, for example for a command.

    Args:
        value: the value to write.
    """
    text = yaml.dump(
        value, Dumper=_Dumper, default_flow_style=True, allow_unicode=True, width=10**9
    )
    return text.strip().removesuffix("\n...")


def scalar(text: str) -> str:
    """Write a text as YAML, quoted if it would otherwise be read as something else.

    Args:
        text: the text to write.
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
# A default of a third-party class, such as the `interval` of Lightning's Timer.
_Dumper.add_multi_representer(Enum, lambda dumper, each: dumper.represent_data(each.value))
