"""Numbers in text, in formats that programs read and in formats that people write."""

from __future__ import annotations

import re
from typing import Any

PLAIN = r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?"
LOOSE = r"\d[\d.,' \u00a0\u202f]*"
SIGN = "[<>~\u2248\u2264\u2265\u00b1\u2212\u2013+-]{1,2}"
MONEY = "[$\u20ac\u00a3\u00a5]"
WORD = r"(?!(st|nd|rd|th)$)[^\W\d_]{1,6}[\u00b2\u00b3]?"
AREA = r"[^\W\d_]{1,3}\^?[23]"
UNIT = rf"(%|\u2030|\u00b0[CF]?|{AREA}|{WORD}(/({WORD}|{AREA}))?)"
IN_ENGLISH, IN_GERMAN = r"\d{1,3}(,\d{2,3})*,\d{3}(\.\d+)?", r"\d{1,3}(\.\d{3})+,\d+"
WITH_BLANKS = r"\d{1,3}([ '\u00a0\u202f]\d{3})+([.,]\d+)?"
COMMAS = rf"[+-]?(\d+,\d+|{IN_ENGLISH}|{IN_GERMAN}|{WITH_BLANKS})"
FORMS = {
    "commas": COMMAS,
    "a currency": rf"[+-]?({MONEY} ?{LOOSE}[kKmM]?|{LOOSE} ?{MONEY})",
    "a sign": rf"{SIGN} ?{LOOSE}( ?{UNIT})?",
    "a mark behind": rf"{LOOSE}[+*-]",
    "brackets": rf"\({LOOSE}\)|{LOOSE} ?\(\d+\)",
    "a power of ten": rf"[+-]?{LOOSE} ?[x*\u00b7\u00d7] ?10(\^|\*\*)?[+-]?\d+",
    "a word": rf"(about|approx\.?|approximately|ca\.?|circa|c\.|around) ?{LOOSE}( ?{UNIT})?",
    "feet and inches": r"\d+ ?(\'|\u2032|ft\.?) ?\d+(\.\d+)? ?(\"|\'\'|\u2033|in\.?)?",
    "an uncertainty": rf"[+-]?{LOOSE} ?(\u00b1|\+/-) ?{LOOSE}( ?{UNIT})?",
    "a unit": rf"[+-]?{LOOSE} ?{UNIT}( old)?",
    "digits of another script": r"[+-]?(?![\d.]*[0-9])\d+(\.\d+)?",
}
"""Patterns by the reason why a program does not read the text as a number."""
NO_NUMBERS = {"nan", "inf", "-inf", "infinity", "-infinity"}


def number_of(cell: Any) -> float | None:
    """Convert a cell to a number; None if it is not one.

    Args:
        cell: text, or anything else.
    """
    if isinstance(cell, bool) or cell is None:
        return None
    if isinstance(cell, str):
        is_plain = re.fullmatch(PLAIN, cell.strip()) or cell.strip().lower() in NO_NUMBERS
        return float(cell) if is_plain else None
    try:
        return float(cell)
    except (TypeError, ValueError, OverflowError):
        return None


def written_how(text: str) -> str | None:
    """Explain why a program does not read a text as a number that a person does.

    Args:
        text: such as ``12 %``, ``3,5`` or ``< 0.1``.

    Returns:
        A few words; None if people would not read it as a number either.
    """
    return next((how for how, form in FORMS.items() if re.fullmatch(form, text.strip())), None)
