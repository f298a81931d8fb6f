"""Lines of JSON that tell whether they are as they were written."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any
from zlib import crc32

LENGTH = len(b', "01234567"]')


def sealed(values: Sequence[Any], place: int) -> bytes:
    """Write a line.

    Args:
        values: at least one, what JSON can hold.
        place: a number from 0 to 2^32 - 1 of where the line belongs, so that it is not taken for
            another.

    Returns:
        A list of the values and of a checksum (CRC-32), with the line's end.
    """
    text = json.dumps(values)[:-1].encode()
    return text + _seal(text, place) + b"\n"


def is_sealed(line: bytes, place: int) -> bool:
    """Whether a line, without its end, is what `sealed` wrote for this place."""
    return line[-LENGTH:] == _seal(line[:-LENGTH], place)


def _seal(text: bytes, place: int) -> bytes:
    return b', "%08x"]' % crc32(text, place)
