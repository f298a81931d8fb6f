"""Lines of JSON that tell whether they are as they were written."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any
from zlib import crc32

LENGTH = len(', "01234567"]')


def sealed(values: Sequence[Any], place: str) -> str:
    """Write a line.

    Args:
        values: at least one, what JSON can hold.
        place: where the line belongs, so that it is not taken for another.

    Returns:
        A list of the values and of a checksum (CRC-32).
    """
    text = json.dumps(values)[:-1]
    return f'{text}, "{_checksum(text, place)}"]\n'


def is_sealed(line: str, place: str) -> bool:
    """Whether a line, without its end, is what `sealed` wrote for this place."""
    text, seal = line[:-LENGTH], line[-LENGTH:]
    return seal == f', "{_checksum(text, place)}"]'


def _checksum(text: str, place: str) -> str:
    return f"{crc32(f'{place} {text}'.encode('utf-8', 'surrogatepass')):08x}"
