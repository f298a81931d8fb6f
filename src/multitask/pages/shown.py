"""Texts of the data as they are shown: in one line, and without what the eye cannot see."""

from __future__ import annotations

import unicodedata

JOINERS = "\u200c\u200d"
"""Parts of words in some scripts, and of emoji."""


def shown(text: str) -> str:
    r"""A text of which every character is seen; most texts are returned as they are.

    Ends of lines, codes that steer a terminal, marks that turn the direction of writing, and halves
    of characters are written as Python writes them, as in ``\x1b`` or ``\u202e``.

    Args:
        text: any text, such as the name of a class or of a file.
    """
    if text.isprintable():
        return text
    return "".join(each if _is_seen(each) else _code(each) for each in text)


def shortened(text: str, most: int) -> str:
    """A text that is cut in its middle where it is too long.

    Args:
        text: any text.
        most: letters that it may have.
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
