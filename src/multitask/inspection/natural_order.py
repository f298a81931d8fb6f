"""Natural sort order of names."""

from __future__ import annotations

import re
from collections.abc import Sequence


def natural(texts: Sequence[str]) -> list[str]:
    """Sort texts with integers in them by value, so that ``b10`` follows ``b9``.

    Args:
        texts: the texts to sort.
    """

    def key(text: str) -> tuple[list[tuple[int, int, str]], str]:
        if re.fullmatch(r"-\d+", text):
            return [(-1, int(text), "")], text
        parts = re.split(r"(\d+)", text)
        each = [(0, int(part), "") if part.isdecimal() else (1, 0, part.lower()) for part in parts]
        return [part for part in each if part != (1, 0, "")], text

    return sorted(texts, key=key)
