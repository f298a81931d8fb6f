"""Texts without what the eye cannot see."""

from __future__ import annotations

import pytest

from multitask.pages.shown import shortened, shown


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        ("cat", "cat"),
        ("a\nb", "a\\nb"),
        ("\x1b[31m", "\\x1b[31m"),
        ("\u202egnp.exe", "\\u202egnp.exe"),
        ("\u200b", "\\u200b"),
        ("\ud800", "\\ud800"),
        ("\U000e0041", "\\U000e0041"),
        ("猫\u3000犬", "猫\u3000犬"),
        ("👩\u200d🔬", "👩\u200d🔬"),
    ],
)
def test_every_character_is_seen(text: str, seen: str) -> None:
    assert shown(text) == seen


@pytest.mark.parametrize(("most", "text"), [(10, "abcdefghij"), (9, "abcd…ghij"), (4, "a…ij")])
def test_long_texts_lose_their_middle(most: int, text: str) -> None:
    assert shortened("abcdefghij", most) == text
