"""Lines of JSON with a checksum that reveals damage."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any
from zlib import crc32

LENGTH = len(b', "01234567"]')


def sealed(values: Sequence[Any], place: int) -> bytes:
    """Format a line.

    Args:
        values: at least one value that JSON supports.
        place: a number from 0 to 2^32 - 1 that identifies the line, so that it is not confused with
            another one.

    Returns:
        A list of the values and of a checksum (CRC-32), with a line break.
    """
    text = json.dumps(values)[:-1].encode()
    return text + _seal(text, place) + b"\n"


def is_sealed(line: bytes, place: int) -> bool:
    """Return whether a line, without line break, is what `sealed` wrote for this place."""
    return line[-LENGTH:] == _seal(line[:-LENGTH], place)


def _seal(text: bytes, place: int) -> bytes:
    return b', "%08x"]' % crc32(text, place)
