"""What jsonargparse has announced to remove, the program does not use."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from cli.conftest import ROOT
from jsonargparse._deprecated import JsonargparseDeprecationWarning

from multitask.cli.study_command import read_study

QUICK = ("--trainer.fast_dev_run=1", "--trainer.accelerator=cpu", "--run.wandb=off")


@pytest.fixture(autouse=True)
def _deprecations_are_errors(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("JSONARGPARSE_DEPRECATION_WARNINGS", "all")
    with warnings.catch_warnings():
        warnings.simplefilter("error", JsonargparseDeprecationWarning)
        yield


def test_training(multitask: Callable[..., None], digits: str) -> None:
    multitask("fit", digits, *QUICK)
    assert not Path("runs").exists()


def test_a_printed_configuration(multitask: Callable[..., None], digits: str) -> None:
    with pytest.raises(SystemExit) as stopped:
        multitask("fit", digits, "--print_config")
    assert not stopped.value.code


def test_a_study(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    for path in (ROOT / "configs/study").glob("*.yaml"):
        assert read_study(path).methods
