"""The classes that a class path can name."""

from __future__ import annotations

from multitask.configuration.classes import choose
from multitask.heads import MLPHead


def test_our_own_are_listed_beside_any_number_of_others() -> None:
    class Own(MLPHead):
        pass

    others = [type(f"Other{number}", (Own,), {}) for number in range(13)]
    assert len(others) == 13
    assert choose((MLPHead,)) == "; choose from 'MLPHead'"
    assert choose((MLPHead,), "Othr12") == "; did you mean 'Other12'?"
