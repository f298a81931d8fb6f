"""No page shows a command, a setting or an import that there is not.

Nothing is trained here: commands are checked as the program checks them before it begins. Many
pages have a test of their own that runs what they show.
"""

from __future__ import annotations

import ast
import importlib
import re
import shlex
from pathlib import Path
from typing import Any

import pytest
import yaml
from docs.site_pages import ROOT
from docs.snippets import KINDS, Snippet, commands, pages, snippets

from multitask.cli.arguments import prepare
from multitask.cli.check import check_arguments
from multitask.cli.help import VERBS
from multitask.cli.study_command import read_study

COMMANDS = commands()
PROGRAM = re.compile(r"^(?:torchrun .*-m )?multitask (?P<verb>[\w-]+)(?P<rest>.*)$")
TARGETS = set(re.findall(r"^([a-z]+)(?: [a-z]+)*:", (ROOT / "Makefile").read_text(), re.MULTILINE))
# Programs that are not of this project, and lines of a shell.
OTHERS = re.compile(
    r"^(\w+=\$\(|#!/|pytest$|torchrun --no-python |python -m (venv|http.server) |"
    r"(cd|curl|du|find|git clone|ls|mkdir|pip install|rm|sbatch|source|tensorboard|wandb) )"
)
# It is about a folder that `multitask new` makes; tests/project runs what is in it.
ELSEWHERE = "docs/own_project.md"
# What a person, or a command above, has made.
OF_TABLES = {"inputs", "targets", "balanced_by", "cleaning", "columns", "path"}
MADE = {"animals.yaml", "reviews.yaml", "my_table.yaml", "my_experiment.yaml", "extended.yaml"}


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the configurations, and with the files that the pages name."""
    (tmp_path / "configs").symlink_to(ROOT / "configs")
    for each in snippets():
        if each.file is not None:
            (tmp_path / each.file).write_text(each.text)
    digits = yaml.safe_load((ROOT / "configs/experiment/digits.yaml").read_text())
    table = {"class_path": "multitask.data.Table", "init_args": {"targets": {}, "path": "a.csv"}}
    for name in MADE:
        (tmp_path / name).write_text(yaml.safe_dump(digits | {"data": table}))
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    return tmp_path


def test_every_block_says_what_it_is() -> None:
    for page in pages():
        fences = re.findall(r"^ *```(.*)$", (ROOT / page).read_text(encoding="utf-8"), re.MULTILINE)
        assert set(fences[::2]) <= KINDS, page
        assert set(fences[1::2]) <= {""}, page
        assert len(fences) == 2 * len([each for each in snippets() if each.page == page]), page


@pytest.mark.parametrize(("page", "line"), sorted(set(COMMANDS)))
def test_a_command_is_one(page: str, line: str, here: Path) -> None:
    if (match := PROGRAM.match(line)) is not None:
        if page != ELSEWHERE:
            check_program(match["verb"], shlex.split(match["rest"]))
        assert match["verb"] in VERBS or match["verb"].startswith("-")
    elif line.startswith("make"):
        assert set(re.findall(r"^make ([a-z]+)", line)) <= TARGETS
    elif line.startswith("python ") and not line.startswith("python -m"):
        assert (ROOT / line.split()[1]).is_file()
    else:
        assert OTHERS.match(line), line


def check_program(verb: str, arguments: list[str]) -> None:
    """Check a command of the program as far as that goes without data and checkpoints."""
    if verb not in VERBS:
        return
    if verb == "fit":
        check_arguments(prepare([verb, *arguments]))
    if "KEY=VALUE" not in "".join(VERBS[verb]):
        for each in arguments:
            assert not each.startswith("--") or each.partition("=")[0] in VERBS[verb][0], each
    if verb == "study":
        read_study(Path(arguments[0]))


@pytest.mark.parametrize("snippet", snippets("yaml"), ids=str)
def test_settings_are_settings(snippet: Snippet, here: Path) -> None:
    content = yaml.safe_load(snippet.text)
    assert content is not None
    if isinstance(content, dict) and content.keys() <= {"model", "trainer", "run", "data"}:
        name = "my_table" if OF_TABLES & content.get("data", {}).get("init_args", {}).keys() else ""
        base = f"{name}.yaml" if name else "configs/experiment/digits.yaml"
        whole = laid_over(yaml.safe_load(Path(base).read_text()), content)
        Path("whole.yaml").write_text(yaml.safe_dump(whole))
        check_arguments(prepare(["fit", "--config=whole.yaml"]))


def laid_over(base: Any, top: Any) -> Any:
    """What a configuration becomes with the settings of a page; another class replaces it."""
    if not isinstance(base, dict) or not isinstance(top, dict):
        return top
    if top.get("class_path", base.get("class_path")) != base.get("class_path"):
        needs = {"targets": {}} if top["class_path"].endswith(".Table") else {}
        return {**top, "init_args": needs | top.get("init_args", {})}
    return base | {key: laid_over(base.get(key), each) for key, each in top.items()}


@pytest.mark.parametrize("snippet", snippets("python"), ids=str)
def test_imports_are_there(snippet: Snippet) -> None:
    for each in ast.walk(ast.parse(snippet.text)):
        if isinstance(each, ast.ImportFrom) and (each.module or "").startswith("multitask"):
            module = importlib.import_module(each.module or "")
            for name in each.names:
                assert hasattr(module, name.name), (each.module, name.name)
