"""Advice in messages."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from multitask.errors import LONGEST, InputError, bad_input, nearest, settings_blamed


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


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("two\n  lines\r\n\n and\ttabs", "two lines and\\ttabs"),
        ("a  name.png", "a  name.png"),
        ("\x1b[2J clears a screen", "\\x1b[2J clears a screen"),
        ("half a character: \ud83d", "half a character: \\ud83d"),
        ("turned round: \u202egpj.exe", "turned round: \\u202egpj.exe"),
        ("Größe, 尺寸", "Größe, 尺寸"),
    ],
)
def test_a_sentence_is_one_line_that_any_screen_shows(text: str, told: str) -> None:
    assert str(InputError(text)) == told


def test_a_sentence_that_quotes_a_whole_file_keeps_its_ends() -> None:
    sentence = str(InputError("begin " + "x" * 10**6 + " end"))
    assert len(sentence) <= LONGEST
    assert sentence.startswith("begin ")
    assert sentence.endswith(" end")


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: torch.zeros(2**50), "it needs more memory than there is"),
        (lambda: torch.zeros(2**70), "a number is too large"),
        (lambda: torch.nn.Linear(-1, 2), "negative dimension"),
        (lambda: {}["a"], "there is no 'a'"),
        (lambda: "a" + 1, "can only concatenate"),
    ],
)
def test_what_a_library_raises_is_told_in_one_line(make: Callable[[], Any], says: str) -> None:
    with pytest.raises(InputError, match="the head cannot be made: ") as refused:
        _blamed(make)
    assert says in str(refused.value)
    assert ".cpp" not in str(refused.value)


def _blamed(make: Callable[[], Any]) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("multitask.errors.OTHERS", ("/",))
        with settings_blamed("the head cannot be made"):
            make()


def test_an_error_in_a_persons_own_code_keeps_its_traceback() -> None:
    with pytest.raises(TypeError), settings_blamed("the head cannot be made"):
        _ = "a" + 1  # type: ignore[operator]


def test_a_file_that_the_system_refuses_is_bad_input(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert bad_input(_raised(lambda: os.stat(tmp_path / "gone"))) is None  # Of the test itself.
    monkeypatch.setattr("multitask.errors.OTHERS", ("/",))
    said = str(bad_input(_raised(lambda: os.stat(tmp_path / "gone"))))
    assert said == f"{tmp_path}/gone cannot be used (No such file or directory)"
    assert "NUL character" in str(bad_input(_raised(lambda: os.stat("a\0b"))))
    assert bad_input(_raised(lambda: int("a"))) is None
    assert bad_input(None) is None


def _raised(call: Callable[[], Any]) -> Exception:
    with pytest.raises(Exception) as raised:  # noqa: PT011
        call()
    return raised.value
