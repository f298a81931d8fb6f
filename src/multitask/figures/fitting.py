"""Wrapping of text to a given width."""

from __future__ import annotations

import warnings
from functools import lru_cache

from matplotlib.font_manager import FontProperties
from matplotlib.textpath import text_to_path

MOST_LINES = 3
"""Most lines that one line may be wrapped into."""


def wrapped(text: str, width: float, size: float) -> str:
    """Wrap lines between words, and shorten words that are too wide.

    Args:
        text: one or more lines.
        width: width in inches.
        size: font size in points.

    Returns:
        Lines that fit; a line becomes at most three, and the third is shortened in the middle.
    """
    lines = [part for line in text.split("\n") for part in _wrapped_line(line, width, size)]
    return "\n".join(lines)


def _wrapped_line(line: str, width: float, size: float) -> list[str]:
    if _width(line, size) <= width:
        return [line]
    lines: list[str] = []
    for word in (_cut(word, width, size) for word in line.split()):
        longer = f"{lines[-1]} {word}" if lines else word
        if lines and _width(longer, size) <= width:
            lines[-1] = longer
        else:
            lines.append(word)
    if len(lines) > MOST_LINES:
        lines[MOST_LINES - 1 :] = [_cut(" ".join(lines[MOST_LINES - 1 :]), width, size)]
    return lines or [""]


def _cut(word: str, width: float, size: float) -> str:
    kept = len(word)
    shown = word
    while kept > 2 and _width(shown, size) > width:
        kept -= 1
        head = (kept + 1) // 2
        shown = f"{word[:head]}…{word[len(word) - (kept - head) :]}"
    return shown


@lru_cache(maxsize=4096)
def _width(text: str, size: float) -> float:
    with warnings.catch_warnings():
        # Characters that the font lacks are drawn as boxes.
        warnings.simplefilter("ignore")
        points, _, _ = text_to_path.get_text_width_height_descent(
            text, FontProperties(size=size), ismath=False
        )
    return points / 72
