"""Every verb says how it is written, and the program says which verbs there are."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable
from importlib.metadata import version

import pytest

from multitask.cli.help import VERBS


@pytest.mark.parametrize("asking", ["--help", "-h"])
def test_the_program_lists_its_verbs(
    multitask: Callable[..., None], capsys: pytest.CaptureFixture[str], asking: str
) -> None:
    multitask(asking)
    said = capsys.readouterr().out
    assert re.findall(r"^multitask (\S+)", said, re.MULTILINE) == list(VERBS)
    assert "For all settings: multitask fit --help" in said


@pytest.mark.parametrize("verb", [verb for verb in VERBS if verb != "fit"])
def test_a_verb_tells_how_it_is_written(
    multitask: Callable[..., None], capsys: pytest.CaptureFixture[str], verb: str
) -> None:
    multitask(verb, "--help")
    said = capsys.readouterr().out
    assert said.startswith(f"usage: multitask {verb} ")
    assert VERBS[verb][1] in said


def test_fit_lists_all_settings(
    multitask: Callable[..., None], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as stopped:
        multitask("fit", "--help")
    assert stopped.value.code == 0
    said = capsys.readouterr().out
    assert said.startswith("usage: multitask ")
    assert "--run.wandb" in said
    assert "--trainer.devices" in said


def test_the_version_is_that_of_the_package(
    multitask: Callable[..., None], capsys: pytest.CaptureFixture[str]
) -> None:
    multitask("--version")
    assert capsys.readouterr().out == f"multitask {version('multitask')}\n"


def test_help_on_no_verb_names_the_nearest(fails: Callable[..., str]) -> None:
    assert "there is no command 'inspekt'; did you mean 'inspect'?" in fails("inspekt", "--help")


def test_help_does_not_wait_for_pytorch() -> None:
    code = """
import sys
from multitask.cli.main import main
main(['-h'])
print('torch' in sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.endswith("\nFalse\n")
