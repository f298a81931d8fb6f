"""``multitask new``: what it writes, and what it refuses."""

from __future__ import annotations

import ast
import errno
import json
import sys
import tomllib
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement

from multitask.cli.arguments import prepare
from multitask.cli.check import check_arguments
from multitask.cli.main import main
from multitask.cli.study_command import read_study
from multitask.errors import InputError
from multitask.project.new_project import write_project
from multitask.study.plan import planned

READERS: dict[str, Callable[[str], object]] = {
    ".ipynb": json.loads,
    ".py": ast.parse,
    ".toml": tomllib.loads,
    ".yaml": yaml.safe_load,
    ".yml": yaml.safe_load,
}


@pytest.fixture(autouse=True)
def _own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    # The program adds the working folder.
    monkeypatch.setattr(sys, "path", list(sys.path))


def test_every_file_is_of_its_kind_and_has_the_name() -> None:
    files = write_project(Path("birds"))
    assert sorted(files) == sorted(path for path in Path("birds").rglob("*") if path.is_file())
    for path in files:
        text = path.read_text()
        assert not any(each in text for each in ("my_project", "MULTITASK"))
        READERS.get(path.suffix, str)(text)
    assert {"birds/shapes.py", ".gitignore", ".github/workflows/test.yml"} <= {
        str(path.relative_to("birds")) for path in files
    }


def test_project_depends_on_this_version() -> None:
    write_project(Path("birds"))
    project = tomllib.loads(Path("birds/pyproject.toml").read_text())["project"]
    first = Requirement(project["dependencies"][0])
    assert project["name"] == "birds"
    assert (first.name, str(first.specifier)) == ("multitask", f"~={version('multitask')}")
    assert first.specifier.contains(version("multitask"))


def test_configurations_are_right(monkeypatch: pytest.MonkeyPatch) -> None:
    write_project(Path("birds"))
    monkeypatch.chdir("birds")
    monkeypatch.syspath_prepend(Path.cwd())
    study = read_study(Path("configs/study/shapes.yaml"))
    assert {run.method for run in planned(study)} == {"single task", "equal weights", "UPGrad"}
    sweep = yaml.safe_load(Path("configs/sweep/shapes.yaml").read_text())
    given = [f"--{name}=8" for name in sweep["parameters"]]
    check_arguments(prepare(["fit", f"--config={study.experiment}", *given]))


def test_an_empty_folder_is_filled(capsys: pytest.CaptureFixture[str]) -> None:
    Path("birds").mkdir()
    main(["new", "birds"])
    assert "Written: birds, 12 files" in capsys.readouterr().out
    assert Path("birds/README.md").read_text().startswith("# birds\n")


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("My Birds", "begin with a letter, as in my_birds"),
        ("2birds", "begin with a letter"),
        ("class", "'class' cannot be the name of a Python package"),
        ("json", "there is already a Python package 'json'"),
        ("torch", "there is already a Python package 'torch'"),
        ("tests", "'tests' is a folder in every project"),
    ],
)
def test_wrong_name_is_refused(name: str, says: str) -> None:
    with pytest.raises(InputError, match=says):
        write_project(Path(name))
    assert not Path(name).exists()


def test_nothing_is_overwritten() -> None:
    Path("birds").mkdir()
    Path("birds/mine.txt").touch()
    with pytest.raises(InputError, match="birds already exists"):
        write_project(Path("birds"))
    assert [path.name for path in Path("birds").iterdir()] == ["mine.txt"]


def test_folder_that_cannot_be_written_is_named() -> None:
    Path("file").touch()
    with pytest.raises(InputError, match=r"file/birds.* cannot be written"):
        write_project(Path("file/birds"))


def test_full_disk_leaves_nothing_of_a_project(monkeypatch: pytest.MonkeyPatch) -> None:
    write = Path.write_text

    def full(path: Path, text: str, **keywords: str) -> int:
        if path.suffix == ".yaml":
            raise OSError(errno.ENOSPC, "No space left on device", str(path))
        return write(path, text, **keywords)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "write_text", full)
        with pytest.raises(InputError, match=r"birds cannot be written .No space left"):
            write_project(Path("birds"))
    assert not list(Path("birds").iterdir())
    assert write_project(Path("birds"))


@pytest.mark.parametrize("arguments", [[], ["a", "b"], ["birds", "--folder=x"]])
def test_command_line_names_one_project(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        main(["new", *arguments])
    assert "multitask new NAME" in capsys.readouterr().err
    assert not list(Path().iterdir())
