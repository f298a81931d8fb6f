"""Everything that the README says is run."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

from multitask.cli.main import main

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()
BLOCK = re.compile(r"(?:<!-- file: (?P<file>\S+) -->\n)?```(?P<kind>\w*)\n(?P<text>.*?)```", re.S)
QUICK = [
    "--trainer.limit_train_batches=2",
    "--trainer.limit_val_batches=1",
    "--trainer.limit_test_batches=1",
    "--trainer.max_epochs=1",
    "--trainer.enable_progress_bar=false",
    "--run.wandb=off",
]


@dataclass
class Block:
    """A fenced block, and the file that the comment above it names."""

    kind: str
    text: str
    file: str | None


def blocks() -> list[Block]:
    return [Block(m["kind"], m["text"], m["file"]) for m in BLOCK.finditer(README)]


def commands() -> Iterator[list[str]]:
    for block in blocks():
        if block.kind == "bash":
            for line in block.text.splitlines():
                for part in line.split("&&"):
                    if words := shlex.split(part, comments=True):
                        yield words


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder with what the commands need: the configurations and the README's own files."""
    folder = tmp_path_factory.mktemp("checkout")
    shutil.copytree(ROOT / "configs", folder / "configs")
    shutil.copy(ROOT / "Makefile", folder)
    for block in blocks():
        if block.file is not None:
            (folder / block.file).write_text(block.text)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.syspath_prepend(str(folder))
        yield folder


def run(arguments: list[str]) -> None:
    for name in ("MULTITASK_RUN_FOLDER", "MULTITASK_RESUMED_RUN"):
        os.environ.pop(name, None)
    main(arguments)


def quickly(arguments: list[str]) -> list[str]:
    """The same command for a few steps, in one process."""
    single = [each for each in arguments if "devices=2" not in each and "strategy=ddp" not in each]
    if single[0] == "resume":
        return [*single, *QUICK[:3], QUICK[4], QUICK[5]]
    return [*single, *QUICK] if "--print_config" not in single else single


def test_every_block_is_of_a_kind_that_is_run() -> None:
    found = blocks()
    assert README.count("```") == 2 * len(found)
    assert {block.kind for block in found} == {"bash", "python", "yaml", "text"}
    assert {words[0] for words in commands()} == {"git", "cd", "make", "multitask"}


def test_the_clone_command_leads_to_the_folder() -> None:
    clone, change = (words for words in commands() if words[0] in ("git", "cd"))
    assert clone[:2] == ["git", "clone"]
    assert clone[2].rsplit("/", 1)[1] == change[1]


@pytest.mark.parametrize("words", [w for w in commands() if w[0] == "make"], ids=" ".join)
def test_make_commands(words: list[str], checkout: Path) -> None:
    environment = {k: v for k, v in os.environ.items() if not k.startswith("MAKE")}
    environment["VIRTUAL_ENV"] = "/environment"
    done = subprocess.run(
        [*words, "-n"], cwd=checkout, capture_output=True, text=True, env=environment
    )
    assert done.returncode == 0, done.stderr
    target = words[1] if len(words) > 1 else "help"
    expected = {
        "help": "Makefile",
        "train": "-m multitask fit --config",
        "resume": "-m multitask resume",
        "test": "-m pytest",
        "lint": "-m ruff check",
    }[target]
    assert expected in done.stdout
    for word in words[2:]:
        assert word.split("=", 1)[1] in done.stdout


@pytest.mark.slow
def test_the_commands_run(checkout: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for words in commands():
        if words[0] != "multitask":
            continue
        arguments = list(words[1:])
        if "--print_config" in arguments:
            with pytest.raises(SystemExit) as stopped:
                run(arguments)
            assert not stopped.value.code
            continue
        for place, word in enumerate(arguments):
            if "*" in word:
                # What a shell does with the only run; here the first of several.
                option, pattern = word.split("=", 1)
                arguments[place] = f"{option}={sorted(checkout.glob(pattern))[0]}"
        run(quickly(arguments))
        assert "Run: " in capsys.readouterr().out


@pytest.mark.slow
def test_the_yaml_blocks_fit_into_an_experiment(checkout: Path) -> None:
    digits = yaml.safe_load((checkout / "configs/experiment/digits.yaml").read_text())
    merged = 0
    for number, block in enumerate(blocks()):
        if block.kind != "yaml" or block.file is not None:
            continue
        config = yaml.safe_load(yaml.safe_dump(digits))
        added = yaml.safe_load(block.text)["model"]
        tasks = added.pop("tasks", {})
        config["model"] |= added
        config["model"]["tasks"] |= tasks
        config["data"]["init_args"]["tasks"] += list(tasks)
        path = checkout / f"block_{number}.yaml"
        path.write_text(yaml.safe_dump(config))
        run(["fit", f"--config={path}", *QUICK])
        merged += 1
    assert merged == 2


@pytest.mark.slow
def test_the_python_blocks_run(checkout: Path) -> None:
    ran = 0
    for block in blocks():
        if block.kind == "python" and block.file is None:
            names: dict[str, object] = {}
            exec(compile(block.text, "README.md", "exec"), names)
            assert tuple(names["probabilities"].shape) == (1, 10)  # type: ignore[attr-defined]
            ran += 1
    assert ran == 1


def test_every_link_leads_somewhere() -> None:
    for target in re.findall(r"\]\((?!https?:)([^)]+)\)", README):
        assert (ROOT / target).exists(), target


def test_the_files_of_a_run_are_those_named(checkout: Path) -> None:
    run(["fit", "--config=configs/experiment/digits.yaml", *QUICK, "--run.wandb=offline"])
    newest = sorted(checkout.glob("runs/digits/*"))[-1]
    table = README[README.index("| file |") : README.index("`val/score` is the mean")]
    for row in table.splitlines()[2:]:
        for name in re.findall(r"`([^`]+)`", row.split("|")[1] if row else ""):
            assert list(newest.glob(name)) or list(newest.glob(f"checkpoints/{name}")), name


def test_the_tracking_page_names_what_is_logged(checkout: Path) -> None:
    newest = sorted(checkout.glob("runs/digits/*"))[-1]
    logged = {row.split(",")[2] for row in (newest / "metrics.csv").read_text().splitlines()[1:]}
    page = (ROOT / "docs/tracking.md").read_text()
    patterns = []
    for name in re.findall(r"`((?:train|val|test|trivial)/[^`]+)`", page):
        pattern = name.replace("<task>", "[^/]+").replace("<metric>", "[^/]+")
        patterns.append(pattern.replace("...", ".+"))
    unnamed = {n for n in logged if not any(re.fullmatch(p, n) for p in patterns)}
    assert not unnamed
