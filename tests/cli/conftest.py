"""Running the program as a person does."""

from __future__ import annotations

import os
import struct
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest
from cli.forked_program import ForkedProgram
from matplotlib.figure import Figure
from wandb.proto.wandb_internal_pb2 import Record

from multitask.after.evaluating.evaluation import evaluate
from multitask.cli.main import main

ROOT = Path(__file__).parents[2]
DIGITS = ROOT / "configs/experiment/digits.yaml"
QUICK = (
    "--trainer.accelerator=cpu",
    "--trainer.limit_train_batches=4",
    "--trainer.limit_val_batches=2",
    "--trainer.limit_test_batches=2",
    "--trainer.max_epochs=1",
    "--trainer.enable_progress_bar=false",
    "--run.wandb=off",
    # They take three quarters of the time of so short a run.
    "--run.figures=false",
)


@pytest.fixture(scope="session")
def digits_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a run of a few steps on the digits, to which tests may add files."""
    folder = tmp_path_factory.mktemp("digits")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        options = ("limit_train_batches=4", "max_epochs=1", "enable_progress_bar=false")
        trainer = [f"--trainer.{each}" for each in ("accelerator=cpu", *options)]
        quiet = ["--run.wandb=off", "--run.figures=false", "--seed_everything=3"]
        main(["fit", f"--config={DIGITS}", *trainer, *quiet])
    return next(folder.glob("runs/digits/*"))


@pytest.fixture(autouse=True)
def _own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Runs go to the test's folder, and no run knows of the one before."""
    monkeypatch.chdir(tmp_path)
    for name in list(os.environ):
        if name.startswith(("MULTITASK_", "WANDB_")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("WANDB_SILENT", "true")


@pytest.fixture
def empty_figures(monkeypatch: pytest.MonkeyPatch) -> None:
    """The figures of tasks are empty: to draw them takes most of the time of a short run."""
    monkeypatch.setattr("multitask.callbacks.figures.draw_task", lambda *_: Figure())


@pytest.fixture
def quick_evaluation(monkeypatch: pytest.MonkeyPatch) -> None:
    """An evaluation has few resamples and empty figures, which take most of its time."""
    monkeypatch.setattr("multitask.cli.evaluate_command.evaluate", partial(evaluate, resamples=200))
    for draw in ("draw_task", "draw_reliability", "draw_rejection"):
        name = f"multitask.after.evaluating.evaluation_files.{draw}"
        monkeypatch.setattr(name, lambda *_: Figure())


@pytest.fixture
def multitask() -> Callable[..., None]:
    """The program in this process."""

    def run(*arguments: str) -> None:
        main(arguments)

    return run


@pytest.fixture
def fails(multitask: Callable[..., None], capsys: pytest.CaptureFixture[str]) -> Callable[..., str]:
    """The program on bad input: checks the exit code and returns the one sentence."""

    def run(*arguments: str) -> str:
        capsys.readouterr()
        with pytest.raises(SystemExit) as stopped:
            multitask(*arguments)
        assert stopped.value.code == 2
        error = capsys.readouterr().err.strip()
        lines = [line for line in error.splitlines() if not line.startswith(("Seed", "["))]
        # A slow machine makes the program say what it waits for.
        lines = [line for line in lines if not line.endswith("Ctrl-C ends the program")]
        assert len(lines) == 1, error
        assert lines[0].startswith("multitask: ")
        return lines[0]

    return run


@pytest.fixture(scope="session")
def digits() -> str:
    """The argument that names the digits experiment."""
    return f"--config={DIGITS}"


@pytest.fixture(scope="session")
def quick() -> tuple[str, ...]:
    """Arguments of a run of a few seconds."""
    return (f"--config={DIGITS}", *QUICK)


class Program:
    """The program in processes of its own."""

    def start(self, *arguments: str, has_spare: bool = False) -> ForkedProgram:
        """Start it and do not wait."""
        return ForkedProgram(arguments, has_spare)

    def __call__(self, *arguments: str, seconds: float = 300, has_spare: bool = False) -> str:
        """Run it to its end, which must be a good one; returns what it printed."""
        process = self.start(*arguments, has_spare=has_spare)
        output, _ = process.communicate(timeout=seconds)
        assert process.returncode == 0, output
        return output


@pytest.fixture
def program() -> Program:
    """The program in processes of its own."""
    return Program()


def wandb_records(run: Path) -> Iterator[Record]:
    """What W&B recorded of a run offline; its files are logs in LevelDB's format."""
    block, header, file_header, whole, last = 32768, 7, 7, 1, 4
    for path in sorted(run.glob("wandb/offline-run-*/run-*.wandb")):
        content, place, parts = path.read_bytes(), file_header, b""
        while place + header <= len(content):
            room = block - place % block
            if room < header:
                place += room
                continue
            _, length, kind = struct.unpack("<IHB", content[place : place + header])
            place += header
            parts += content[place : place + length]
            place += length
            if kind in (whole, last):
                yield Record.FromString(parts)
                parts = b""


@pytest.fixture
def recorded() -> Callable[[Path], list[Record]]:
    """What W&B recorded of a run offline."""
    return lambda run: list(wandb_records(run))
