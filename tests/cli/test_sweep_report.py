"""``multitask sweep-report``: what it is given."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ([], "sweep-report expects one sweep, as in: multitask sweep-report"),
        (["nowhere"], "nowhere is neither a folder nor a sweep"),
        ([".", "--foler=x"], "--foler=x: sweep-report has no such setting; did you mean 'folder'"),
        (["."], ". has no training run of a sweep"),
    ],
)
def test_wrong_arguments(
    fails: Callable[..., str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    arguments: list[str],
    says: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    assert says in fails("sweep-report", *arguments)
