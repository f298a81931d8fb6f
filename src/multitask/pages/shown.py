"""Display form of texts in the data: on one line, without invisible characters."""

from __future__ import annotations

import unicodedata

JOINERS = "\u200c\u200d"
"""Invisible characters that are parts of words in some scripts, and of emoji."""


def shown(text: str) -> str:
    r"""Make every character of a text visible; most texts are returned unchanged.

    Line endings, terminal control codes, bidirectional control characters and surrogates are
    written as in Python, for example ``\x1b`` or ``\u202e``.

    Args:
        text: any text, such as the name of a class or of a file.
    """
    if text.isprintable():
        return text
    return "".join(each if _is_seen(each) else _code(each) for each in text)


def shortened(text: str, most: int) -> str:
    """Shorten a text by removing its middle if it is too long.

    Args:
        text: any text.
        most: maximum number of characters.
    """
    if len(text) <= most:
        return text
    head = (most - 1) // 2
    return f"{text[:head]}…{text[len(text) - (most - 1 - head) :]}"


def _is_seen(character: str) -> bool:
    is_space = unicodedata.category(character) == "Zs"
    return character.isprintable() or is_space or character in JOINERS


def _code(character: str) -> str:
    return character.encode("unicode_escape").decode()
