"""Rows of a table in JSON."""

from __future__ import annotations

import json
from typing import Any

from multitask.errors import InputError

DEEPEST = 20
"""Most levels of nested lists; a target has one, and unused columns may have a few."""


def read_json_row(line: str, where: str) -> dict[str, Any]:
    """Read a row.

    Args:
        line: line of a file, possibly untrusted.
        where: file and line, as a prefix of the error message.

    Raises:
        InputError: if it is not a JSON object, or contains something invalid in a table: a repeated
            name, lone surrogates, deeply nested lists, numbers with thousands of digits.
    """

    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        if len(found := dict(pairs)) < len(pairs):
            raise InputError(f"{where}: a name occurs twice; each column may have only one cell")
        return found

    try:
        row = json.loads(line, object_pairs_hook=unique)
        if line.count("[") + line.count("{") > DEEPEST and _levels(row) > DEEPEST:
            raise RecursionError
        if "\\u" in line:
            json.dumps(row, ensure_ascii=False).encode()
    except json.JSONDecodeError as error:
        raise InputError(
            f"{where}: this is not JSON ({error.msg}, column {error.colno})"
        ) from error
    except UnicodeEncodeError as error:
        half = f"\\u{ord(error.object[error.start]):04x}"
        raise InputError(f"{where}: {half} is half a character; write both halves") from error
    except RecursionError as error:
        raise InputError(f"{where}: lists are nested more than {DEEPEST} levels deep") from error
    except InputError:
        raise
    except ValueError as error:
        raise InputError(f"{where}: a number has thousands of digits") from error
    if not isinstance(row, dict):
        raise InputError(
            f"{where}: this is not a JSON object; write each row as "
            '{"file_name": "a.png", "weight": 3}'
        )
    return row


def _levels(row: Any) -> int:
    levels, here = 0, [row] if isinstance(row, dict | list) else []
    while here:
        levels += 1
        inner = [list(each.values()) if isinstance(each, dict) else each for each in here]
        here = [each for values in inner for each in values if isinstance(each, dict | list)]
    return levels
