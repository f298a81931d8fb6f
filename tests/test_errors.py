"""Advice in messages."""

from __future__ import annotations

import pytest

from multitask.errors import InputError, nearest


@pytest.mark.parametrize(
    ("name", "valid", "advice"),
    [
        ("digits", ["glyph", "digit"], "; did you mean 'digit'?"),
        ("lerning_rate", {"learning_rate": 1, "lr": 2}, "; did you mean 'learning_rate'?"),
        ("age", ["glyph", "digit"], "; choose from 'digit', 'glyph'"),
        ("age", [], ""),
        ("zzz", [f"name{number}" for number in range(13)], ""),
        ("name99", [f"name{number}" for number in range(13)], "; did you mean 'name9'?"),
    ],
)
def test_nearest_name_or_a_short_list(name: str, valid: list[str], advice: str) -> None:
    assert nearest(name, valid) == advice


def test_bad_input_is_a_value_error() -> None:
    assert issubclass(InputError, ValueError)
