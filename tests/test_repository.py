"""What surrounds the code: the workflow, the forms, the citation, the oldest versions."""

from __future__ import annotations

import re
import shutil
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT = Path(__file__).resolve().parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
WORKFLOW = ROOT / ".github/workflows/ci.yml"


def read(path: Path) -> Any:
    return yaml.safe_load(path.read_text())


def targets() -> set[str]:
    """The targets of the Makefile."""
    return set(re.findall(r"^([a-z]+)(?: [a-z]+)*:", (ROOT / "Makefile").read_text(), re.MULTILINE))


def test_the_workflow_runs_targets_of_the_makefile_alone() -> None:
    jobs = read(WORKFLOW)["jobs"]
    commands = {step["run"] for job in jobs.values() for step in job["steps"] if "run" in step}
    wanted = {"lint", "test", "fast", "oldest", "docs", "newest"}
    assert commands == {f"make {each}" for each in wanted}
    assert wanted <= targets()
    for job in jobs.values():
        assert job["timeout-minutes"] <= 90
        assert all(set(step) & {"run", "uses"} for step in job["steps"])


def test_the_workflow_tries_the_oldest_python_and_a_newer_one() -> None:
    first, last = read(WORKFLOW)["jobs"]["test"]["strategy"]["matrix"]["python"]
    assert f">={first}" == PROJECT["requires-python"]
    assert tuple(map(int, last.split("."))) > (3, 12)


@pytest.mark.skipif(shutil.which("actionlint") is None, reason="actionlint is not installed")
def test_the_workflow_passes_actionlint() -> None:
    subprocess.run(["actionlint", str(WORKFLOW)], check=True)


def test_all_yaml_can_be_read() -> None:
    files = [*ROOT.glob(".github/**/*.yml"), ROOT / ".pre-commit-config.yaml"]
    assert len(files) >= 5
    for file in files:
        assert isinstance(read(file), dict), file


def test_the_form_for_faults_asks_for_what_a_run_has_written() -> None:
    fields = read(ROOT / ".github/ISSUE_TEMPLATE/bug.yml")["body"]
    asked = {each["id"]: each for each in fields}
    assert asked["log"]["attributes"]["label"] == "log.txt"
    assert asked["provenance"]["attributes"]["label"] == "provenance.yaml"
    assert all(each["validations"]["required"] for each in fields)


def test_a_commit_is_checked_by_what_make_lint_runs() -> None:
    recipe = (ROOT / "Makefile").read_text().partition("\nlint:")[2].partition("\n\n")[0]
    (repository,) = read(ROOT / ".pre-commit-config.yaml")["repos"]
    hooks = repository["hooks"]
    assert len(hooks) == recipe.count("$(PYTHON) -m ")
    for hook in hooks:
        words = hook["entry"].removeprefix("python ").replace(" --force-exclude", "")
        assert f"$(PYTHON) {words}" in recipe


def test_the_oldest_versions_are_those_that_the_project_allows() -> None:
    lines = (ROOT / "oldest.txt").read_text().splitlines()
    pins = dict(each.split("==") for each in lines if not each.startswith("#"))
    for line in PROJECT["dependencies"]:
        need = Requirement(line)
        (lowest,) = [each.version for each in need.specifier if each.operator == ">="]
        assert Version(pins[canonicalize_name(need.name)]) == Version(lowest), line


def test_the_citation_is_about_this_version() -> None:
    citation = read(ROOT / "CITATION.cff")
    assert citation["version"] == PROJECT["version"]
    assert citation["license"] == PROJECT["license"]
    assert citation["title"].startswith(f"{PROJECT['name']}: ")
    section = (ROOT / "README.md").read_text().partition("## How to cite")[2]
    told = dict(re.findall(r"^  (\w+) += \{+(.*?)\}+,?$", section, re.MULTILINE))
    assert told == {
        "title": citation["title"],
        "author": citation["authors"][0]["name"],
        "version": citation["version"],
        "license": citation["license"],
    }
