"""JSON of strangers: what no table can hold is refused where it stands."""

from __future__ import annotations

import math

import pytest

from multitask.errors import InputError
from multitask.tables.json_row import read_json_row

REFUSED = {
    "a number of thousands of digits": ('{"a": %s}' % ("9" * 5_000), "digits"),
    "lists in lists": ('{"a": %s}' % ("[" * 300 + "]" * 300), "levels deep"),
    "so deep that a stack would overflow": ('{"a": %s}' % ("[" * 100_000), "levels deep"),
    "half a character": ('{"a": "\\ud800"}', r"\ud800 is half a character"),
    "half a character in a name": ('{"\\udc00": 1}', r"\udc00 is half a character"),
    "a name twice": ('{"a": 1, "a": 2}', "a name occurs twice"),
    "no object": ("3", "not a JSON object"),
    "not JSON": ("{", "not JSON"),
}


@pytest.mark.parametrize(("line", "says"), REFUSED.values(), ids=REFUSED)
def test_what_no_table_can_hold(line: str, says: str) -> None:
    with pytest.raises(InputError, match=r"^t\.jsonl, line 3: ") as refused:
        read_json_row(line, "t.jsonl, line 3")
    assert says in str(refused.value)


def test_what_a_table_can_hold() -> None:
    row = read_json_row('{"a": "\\ud83d\\ude00", "b": [1, [2]], "c": NaN, "d": Infinity}', "")
    assert row["a"] == "\N{GRINNING FACE}"
    assert row["b"] == [1, [2]]
    assert math.isnan(row["c"])
    assert math.isinf(row["d"])
    many = read_json_row(f'{{"a": {[[1, 2]] * 50}}}', "")
    assert many["a"] == [[1, 2]] * 50
