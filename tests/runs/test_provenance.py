"""Where a run comes from."""

from __future__ import annotations

import subprocess
import sys
from importlib.metadata import distributions, version
from pathlib import Path

import pytest
import yaml

from multitask.runs.provenance import git_state, provenance


def git(folder: Path, *arguments: str) -> str:
    identity = ("-c", "user.name=a", "-c", "user.email=a@b.c")
    done = subprocess.run(
        ["git", *identity, *arguments], cwd=folder, capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    git(tmp_path, "init")
    (tmp_path / "code.py").write_text("a = 1\n")
    (tmp_path / ".gitignore").write_text("/runs/\n")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-m", "first")
    return tmp_path


def test_clean_checkout_is_its_commit(repository: Path) -> None:
    (repository / "runs").mkdir()
    (repository / "runs" / "config.yaml").touch()
    assert git_state(repository) == {"commit": git(repository, "rev-parse", "HEAD"), "dirty": False}


@pytest.mark.parametrize("changed", ["code.py", "new.py"])
def test_changed_and_new_files_are_more_than_the_commit(repository: Path, changed: str) -> None:
    (repository / changed).write_text("a = 2\n")
    state = git_state(repository)
    assert state is not None
    assert state["dirty"] is True


def test_outside_a_repository_and_without_git_there_is_no_state(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    assert git_state(tmp_path) is None
    monkeypatch.setenv("PATH", str(tmp_path))
    assert git_state(tmp_path) is None


def test_packages_are_those_that_python_itself_finds() -> None:
    read = [package.metadata for package in distributions()]
    assert provenance()["packages"] == {each["Name"]: each["Version"] for each in read}


@pytest.mark.parametrize("kind", ["a.dist-info/METADATA", "a.egg-info/PKG-INFO"])
def test_a_package_may_lack_its_version(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / kind
    file.parent.mkdir()
    monkeypatch.syspath_prepend(str(tmp_path))
    file.write_text("Metadata-Version: 2.1\nName: ä\nVersion: 1+x\n\nVersion: 2\n", "utf-8")
    assert provenance()["packages"]["ä"] == "1+x"
    file.write_text("Name: ä\nSummary: Version: 2\n", "utf-8")
    assert "ä" not in provenance()["packages"]


def test_everything_is_plain_yaml(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(repository)
    monkeypatch.setattr(sys, "argv", ["/some/where/multitask", "fit", "--x=a b"])
    found = yaml.safe_load(yaml.safe_dump(provenance()))
    assert found["command"] == "multitask fit '--x=a b'"
    assert found["folder"] == str(repository)
    assert found["git"]["commit"] == git(repository, "rev-parse", "HEAD")
    assert found["packages"]["torch"] == version("torch")
    assert found["python"] == ".".join(map(str, sys.version_info[:3]))
    assert found["devices"]
