"""The page on a project of one's own fits what is made."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from multitask.cli.help import VERBS
from multitask.configuration.offered import find_config
from multitask.project.new_project import write_project

PAGE = (Path(__file__).parents[2] / "docs/own_project.md").read_text()
COMMANDS = [
    line
    for block in re.findall(r"```bash\n(.*?)```", PAGE, re.DOTALL)
    for line in block.splitlines()
    if line.startswith("multitask ")
]


@pytest.fixture(autouse=True)
def _in_the_project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_project(tmp_path / "birds")
    monkeypatch.chdir(tmp_path / "birds")


def test_page_lists_the_files() -> None:
    rows = re.findall(r"^\| (`.*?) \|", PAGE, re.MULTILINE)
    listed = {name for row in rows for name in re.findall("`(.*?)`", row)}
    assert listed == {str(path) for path in Path().rglob("*") if path.is_file()}


@pytest.mark.parametrize("command", COMMANDS)
def test_commands_name_verbs_and_files_that_there_are(command: str) -> None:
    _, verb, *words = command.split()
    assert verb in VERBS
    files = [each for each in words if "/" in each and not each.startswith("runs/")]
    assert all(find_config(each).is_file() for each in files)
    assert files or verb in ("new", "export")


def test_own_readme_has_the_commands_of_the_page() -> None:
    readme = Path("README.md").read_text()
    verbs = {command.split()[1] for command in COMMANDS} - {"new"}
    assert all(f"multitask {verb} " in readme for verb in verbs)
