"""The order in which people look for names."""

from __future__ import annotations

import re
from collections.abc import Sequence


def natural(texts: Sequence[str]) -> list[str]:
    """Sort as people do: whole numbers in text by their value, so that ``b10`` follows ``b9``.

    Args:
        texts: what to sort.
    """

    def key(text: str) -> tuple[list[tuple[int, int, str]], str]:
        if re.fullmatch(r"-\d+", text):
            return [(-1, int(text), "")], text
        parts = re.split(r"(\d+)", text)
        each = [(0, int(part), "") if part.isdecimal() else (1, 0, part.lower()) for part in parts]
        return [part for part in each if part != (1, 0, "")], text

    return sorted(texts, key=key)
