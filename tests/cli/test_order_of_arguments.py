"""Arguments count wherever they stand, and a run that ends early says how it ended."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml

from multitask.cli.arguments import prepare
from multitask.cli.resume_command import fit_arguments, resumed_folder
from multitask.errors import InputError


def a_run(name: str) -> Path:
    folder = Path("runs/digits") / name
    (folder / "checkpoints").mkdir(parents=True)
    (folder / "config.yaml").write_text("ckpt_path: null\n")
    torch.save({"state_dict": {}}, folder / "checkpoints/last.ckpt")
    return folder


def test_arguments_count_before_and_after_the_configuration_file(digits: str) -> None:
    option, path = digits.split("=")
    expected = ["fit", digits, "--trainer.max_epochs=1", "--run.wandb=off"]
    assert prepare(["fit", "--trainer.max_epochs=1", option, path, "--run.wandb=off"]) == expected
    assert prepare(["fit", "--trainer.max_epochs", "1", "--run.wandb=off", digits]) == expected


def test_a_checkpoint_given_before_its_configuration_is_loaded(tmp_path: Path) -> None:
    run = a_run("one")
    checkpoint, config = f"--ckpt_path={run / 'checkpoints/last.ckpt'}", run / "config.yaml"
    expected = ["test", f"--config={config}", checkpoint]
    assert prepare(["test", checkpoint, f"--config={config}"]) == expected


def test_resume_finds_its_run_wherever_it_stands() -> None:
    first, _ = a_run("20260101-000000-1"), a_run("20260102-000000-2")
    for arguments in (
        [str(first), "--trainer.max_epochs=2"],
        ["--trainer.max_epochs=2", str(first)],
        ["--trainer.max_epochs", "2", str(first)],
    ):
        resumed = resumed_folder(arguments)
        assert resumed == first
        assert fit_arguments(resumed, arguments)[-1] == "--trainer.max_epochs=2"


def test_resume_refuses_two_runs() -> None:
    first, second = a_run("20260101-000000-1"), a_run("20260102-000000-2")
    with pytest.raises(InputError, match="one run"):
        resumed_folder([str(first), str(second)])


def test_too_few_epochs_leave_a_run_as_it_was(
    multitask: Callable[..., None], fails: Callable[..., str], quick: tuple[str, ...]
) -> None:
    multitask("fit", *quick, "--trainer.max_epochs=3")
    (run,) = Path("runs/digits").iterdir()
    message = fails("resume", str(run), "--trainer.max_epochs=2")
    assert "trainer.max_epochs is 2" in message
    assert "3 epochs" in message
    assert not (run / "config-2.yaml").exists()


def test_the_best_checkpoint_is_tested_beside_a_persons_own(
    multitask: Callable[..., None], quick: tuple[str, ...]
) -> None:
    own = "--trainer.callbacks+=lightning.pytorch.callbacks.ModelCheckpoint"
    multitask("fit", *quick, "--trainer.max_epochs=2", own)
    (run,) = Path("runs/digits").iterdir()
    said = (run / "log.txt").read_text().splitlines()
    tested = [line for line in said if "Loaded model weights" in line]
    assert len(tested) == 1
    assert tested[0].endswith("best.ckpt")


def test_a_run_without_validation_says_why_it_is_not_tested(
    multitask: Callable[..., None], quick: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    multitask("fit", *quick, "--trainer.limit_val_batches=0")
    output = capsys.readouterr()
    assert "Not tested, because no validation took place" in output.out
    assert "HINT" not in output.out + output.err


@pytest.mark.slow
def test_an_interrupted_run_says_how_to_go_on(program: Any, digits: str) -> None:
    quiet = ("--trainer.accelerator=cpu", "--trainer.enable_progress_bar=false", "--run.wandb=off")
    process = program.start("fit", digits, *quiet, "--trainer.max_epochs=50")
    deadline = time.monotonic() + 120
    while not list(Path("runs").glob("*/*/checkpoints/last.ckpt")):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    output, _ = process.communicate(timeout=100)
    assert process.returncode == 130
    (run,) = Path("runs/digits").iterdir()
    assert f"multitask resume {run}" in output
    assert not (run / "summary.json").exists()
    assert yaml.safe_load((run / "config.yaml").read_text())["trainer"]["max_epochs"] == 50
