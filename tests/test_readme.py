"""Everything is run that the README says, and the pages on runs and on parts of one's own."""

from __future__ import annotations

import csv
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import pytest
import yaml
from cli.forked_program import ForkedProgram
from PIL import Image

from multitask.cli.main import main

ROOT = Path(__file__).parents[1]
PAGES = {
    name: (ROOT / name).read_text() for name in ("README.md", "docs/own_parts.md", "docs/runs.md")
}
BLOCK = re.compile(r"(?:<!-- file: (?P<file>\S+) -->\n)?```(?P<kind>\w*)\n(?P<text>.*?)```", re.S)
QUICK = [
    "--trainer.limit_train_batches=2",
    "--trainer.limit_val_batches=1",
    "--trainer.limit_test_batches=1",
    "--trainer.max_epochs=1",
    "--trainer.enable_progress_bar=false",
    "--run.wandb=off",
    "--run.figures=false",
]


@dataclass
class Block:
    """A fenced block, and the file that the comment above it names."""

    kind: str
    text: str
    file: str | None


def blocks() -> list[Block]:
    found = [match for page in PAGES.values() for match in BLOCK.finditer(page)]
    return [Block(each["kind"], each["text"], each["file"]) for each in found]


def lines() -> list[str]:
    """The commands, in their order, without comments."""
    found = [line for block in blocks() if block.kind == "bash" for line in block.text.splitlines()]
    return [line.split("  #")[0].strip() for line in found]


MAKE = [line.split(" && ")[-1] for line in lines() if re.match(r"make\b", line)]
AFTER = re.compile(r"multitask (predict|evaluate|export|explain) \$RUN")
PROGRAM = [line for line in lines() if line.startswith(("multitask ", "RUN="))]


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with what the commands need: configurations, and the files that the pages show."""
    folder = tmp_path_factory.mktemp("checkout")
    shutil.copytree(ROOT / "configs", folder / "configs")
    shutil.copy(ROOT / "Makefile", folder)
    for block in blocks():
        if block.file is not None:
            (folder / block.file).write_text(block.text)
    write_photos(folder / "photos")
    return folder


def write_photos(folder: Path) -> None:
    """A person's own images, with two columns that have gaps."""
    folder.mkdir()
    with (folder / "animals.csv").open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["file_name", "species", "weight_g"])
        for place in range(60):
            Image.new("RGB", (20, 24), (4 * place, 80, 250 - place)).save(folder / f"{place}.png")
            species = ["cat", "dog", "", "horse"][place % 4]
            rows.writerow([f"{place}.png", species, "" if place % 3 else 900.5 + 7 * place])


@pytest.fixture
def here(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(checkout)
    monkeypatch.delenv("WANDB_MODE", raising=False)
    return checkout


def test_every_block_is_of_a_kind_that_is_run() -> None:
    found = blocks()
    assert sum(page.count("```") for page in PAGES.values()) == 2 * len(found)
    assert {block.kind for block in found} == {"bash", "python", "yaml", "text"}
    others = set(lines()) - set(MAKE) - set(PROGRAM)
    assert others == {
        "git clone https://github.com/<you>/multitask && cd multitask",
        "source .venv/bin/activate",
    }


@pytest.mark.parametrize("command", MAKE)
def test_make_commands(command: str, checkout: Path) -> None:
    environment = {k: v for k, v in os.environ.items() if not k.startswith("MAKE")}
    environment["VIRTUAL_ENV"] = "/environment"
    words = shlex.split(command)
    done = subprocess.run(
        [*words, "-n"], cwd=checkout, capture_output=True, text=True, env=environment
    )
    assert done.returncode == 0, done.stderr
    target = words[1] if len(words) > 1 else "help"
    expected = {
        "help": "Makefile",
        "train": "-m multitask fit --config",
        "resume": "-m multitask resume",
        "study": "-m multitask study",
        "test": "-m pytest",
        "lint": "-m ruff check",
    }[target]
    assert expected in done.stdout
    for word in words[2:]:
        assert word.split("=", 1)[1] in done.stdout


@pytest.mark.slow
def test_the_commands_run_as_they_stand(
    here: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    # The program looks in its folder for the classes of the pages' files.
    monkeypatch.setattr(sys, "path", [*sys.path])
    said = ""
    for line in PROGRAM:
        if "=" in line.split()[0]:
            # A variable, which a person's shell keeps for the commands after it.
            script = f'set -eu; {line}; printf %s "${line.split("=")[0]}"'
            value = subprocess.run(["bash", "-c", script], capture_output=True, text=True)
            monkeypatch.setenv(line.split("=")[0], value.stdout)
            continue
        _, *arguments = shlex.split(os.path.expandvars(line))
        said += output_of([*arguments, *shortened(line)], capsys)
    silent = re.compile(r"print_config|--help|^RUN=|^multitask init")
    runs = [line for line in PROGRAM if not silent.search(line) and not AFTER.match(line)]
    # One of them resumes a run that is finished.
    assert said.count("\nRun: ") + said.count("there is nothing to do") == len(runs)
    assert "num_classes: 10" in said
    assert "species" in (here / "animals.yaml").read_text()
    assert len(pd.read_csv(here / "predictions.csv")) == 60
    assert (here / "digits.onnx").is_file()


@contextmanager
def ended_well() -> Iterator[None]:
    """A program that ends by itself does so with exit code 0."""
    try:
        yield
    except SystemExit as stopped:
        if stopped.code:
            raise


def output_of(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> str:
    """What the program prints, which must succeed."""
    if "--trainer.devices=2" not in arguments:
        with ended_well():
            main(arguments)
        return capsys.readouterr().out
    # Lightning starts the second process with the first one's command line.
    process = ForkedProgram(arguments, has_spare=True)
    output, _ = process.communicate(timeout=300)
    assert process.returncode == 0, output
    return output


def shortened(line: str) -> list[str]:
    """Arguments that cut a command short."""
    if re.search(r"print_config|--help|^multitask init", line) or AFTER.match(line):
        return []
    if line.startswith("multitask inspect"):
        return ["--run.wandb=off"]
    return ["--trainer.enable_progress_bar=false"] if line.startswith("multitask resume") else QUICK


@pytest.mark.slow
def test_the_yaml_blocks_fit_into_an_experiment(here: Path) -> None:
    digits = yaml.safe_load((here / "configs/experiment/digits.yaml").read_text())
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
        path = here / f"block_{number}.yaml"
        path.write_text(yaml.safe_dump(config))
        main(["fit", f"--config={path}", *QUICK])
        merged += 1
    assert merged == 3


@pytest.mark.slow
def test_the_python_blocks_run(here: Path) -> None:
    ran = 0
    for block in blocks():
        if block.kind == "python" and block.file is None:
            names: dict[str, object] = {}
            exec(compile(block.text, "page.md", "exec"), names)
            if "batch" in names:
                assert {"image", "species", "weight"} <= set(names["batch"])  # type: ignore[call-overload]
            else:
                assert tuple(names["probabilities"].shape) == (1, 10)  # type: ignore[attr-defined]
            ran += 1
    assert ran == 2


@pytest.mark.slow
def test_the_table_the_files_and_the_names_are_those_of_a_run(here: Path) -> None:
    """One whole run, as `make train` does it, against all that the pages say of it."""
    main(["fit", "--config=configs/experiment/digits.yaml", "--run.wandb=offline"])
    run = sorted(here.glob("runs/digits/*"))[-1]
    with (run / "metrics.csv").open(newline="") as file:
        values = {row["name"]: float(row["value"]) for row in csv.DictReader(file)}

    (table,) = (block.text for block in blocks() if block.text.startswith("task "))
    assert len(table.splitlines()) == 11
    for row in table.splitlines()[1:]:
        task, metric, _, test, trivial = row.split()
        # Another machine, or number of threads, changes the last digits and a little more.
        assert values[f"test/{task}/{metric}"] == pytest.approx(float(test), abs=0.06)
        assert values[f"trivial/{task}/{metric}"] == pytest.approx(float(trivial), abs=1e-3)

    accuracy = 100 * values["test/digit/accuracy"]
    alone, together = re.findall(r"\| 0 \| ([\d.]+) % \| ([\d.]+) % \|", PAGES["README.md"])[0]
    assert accuracy == pytest.approx(float(together), abs=6)
    assert accuracy > float(alone) + 10

    page = PAGES["docs/runs.md"]
    files = page[page.index("| file |") : page.index("`val/score` is the mean")]
    for row in files.splitlines()[2:]:
        for name in re.findall(r"`([^`]+)`", row.split("|")[1] if row else ""):
            assert list(run.glob(name)) or list(run.glob(f"checkpoints/{name}")), name

    page = (ROOT / "docs/tracking.md").read_text()
    patterns = []
    for name in re.findall(r"`((?:train|gradients|val|test|trivial)/[^`]+)`", page):
        pattern = name.replace("<task>", "[^/]+").replace("<metric>", "[^/]+")
        patterns.append(pattern.replace("...", ".+"))
    assert {n for n in values if not any(re.fullmatch(p, n) for p in patterns)} == set()
