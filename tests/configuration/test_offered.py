"""Configurations of the package, found by name in a folder that has none."""

from __future__ import annotations

from pathlib import Path

import pytest

from multitask.cli.arguments import prepare
from multitask.cli.check import check_arguments
from multitask.cli.study_command import read_study
from multitask.configuration.offered import find_config, offered_folder
from multitask.errors import InputError
from multitask.study.plan import planned

DIGITS = offered_folder() / "experiment/digits.yaml"


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize(
    "written",
    [
        "experiment/digits",
        "experiment/digits.yaml",
        "configs/experiment/digits",
        "configs/experiment/digits.yaml",
    ],
)
def test_name_is_found_in_the_package(written: str) -> None:
    assert find_config(written) == DIGITS
    # A folder of that name is not meant.
    Path("experiment/digits").mkdir(parents=True)
    assert find_config(written) == DIGITS


@pytest.mark.parametrize("own", ["experiment/digits.yaml", "experiment/digits"])
def test_own_file_comes_first(own: str) -> None:
    Path("experiment").mkdir()
    Path(own).touch()
    assert find_config("experiment/digits") == Path(own)
    assert find_config("configs/experiment/digits") == DIGITS


@pytest.mark.parametrize(
    "written", ["experiment/nope", "../configs/experiment/digits", "/experiment/digits", ".", "/"]
)
def test_other_paths_stay_as_they_are(written: str) -> None:
    assert find_config(written) == Path(written)


def test_command_line_in_an_empty_folder() -> None:
    files = ["--config=experiment/digits", "--config", "trainer/cpu"]
    arguments = prepare(["fit", *files, "--model.balancer=configs/balancer/surgery.yaml"])
    assert f"--model.balancer={offered_folder() / 'balancer/surgery.yaml'}" in arguments
    entries = check_arguments(arguments).tree.plain()
    assert {"digit", "glyph"} <= entries["model"]["tasks"].keys()
    assert entries["trainer"]["accelerator"] == "cpu"


def test_study_in_an_empty_folder() -> None:
    study = read_study(find_config("study/digits"))
    assert study.name == "digits"
    assert len(list(planned(study))) > len(study.seeds)


def test_misspelt_name_is_corrected() -> None:
    with pytest.raises(InputError, match=r"no file experiment/digit_raw; did you mean 'digits_raw"):
        check_arguments(prepare(["fit", "--config=experiment/digit_raw"]))
