"""Which warnings a person sees, and how."""

from __future__ import annotations

import warnings

import pytest

import multitask
from multitask.runs.warnings_shown import quiet_warnings


def test_own_warnings_are_sentences(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(warnings, "formatwarning", warnings.formatwarning)
    with warnings.catch_warnings():
        quiet_warnings()
        quiet_warnings()
    shown = warnings.formatwarning("t.csv: 1 row is left out", UserWarning, multitask.__file__, 3)
    assert shown == "multitask: t.csv: 1 row is left out\n"
    shown = warnings.formatwarning("another's", UserWarning, "elsewhere.py", 3)
    assert shown.startswith("elsewhere.py:3: UserWarning: another's")


def test_what_nobody_can_act_on_is_not_shown() -> None:
    with warnings.catch_warnings(record=True) as shown:
        warnings.simplefilter("always")
        quiet_warnings()
        warnings.warn("the loader does not have many workers, alas", UserWarning, stacklevel=1)
        warnings.warn("take care", UserWarning, stacklevel=1)
    assert [str(each.message) for each in shown] == ["take care"]
