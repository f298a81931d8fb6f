"""A tilde is a home folder only where a person means one."""

from __future__ import annotations

from pathlib import Path

import pytest

from multitask.cli.options import read_options
from multitask.configuration.home_folders import home_expanded
from multitask.errors import InputError


@pytest.mark.parametrize(
    ("given", "found"),
    [("~", "/homes/ada"), ("~/runs", "/homes/ada/runs"), ("a/~", "a/~"), ("runs", "runs")],
)
def test_a_tilde_is_the_home_folder(
    given: str, found: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", "/homes/ada")
    assert home_expanded(given) == home_expanded(Path(given)) == Path(found)
    assert read_options("init", "a table", ["t.csv", f"--output={given}"], output="").output == (
        found
    )


def test_a_name_that_begins_with_a_tilde_can_be_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match=r"~nobody-here/x .*or \./~\.\.\. if its name"):
        home_expanded("~nobody-here/x")
    # Whoever expands it again leaves it as it is.
    assert home_expanded("./~nobody-here/x") == tmp_path / "~nobody-here/x"
