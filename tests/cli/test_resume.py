"""A run that is killed and resumed equals the run that was never stopped."""

from __future__ import annotations

import csv
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

LONG = (
    "--trainer.accelerator=cpu",
    "--trainer.max_epochs=6",
    "--trainer.log_every_n_steps=5",
    "--trainer.enable_progress_bar=false",
)
STEPS_PER_EPOCH = 60


def rows(run: Path) -> list[list[str]]:
    with (run / "metrics.csv").open(newline="") as file:
        return list(csv.reader(file))[1:]


def weights(run: Path) -> dict[str, torch.Tensor]:
    content = torch.load(run / "checkpoints/last.ckpt", weights_only=True)
    return content["state_dict"]


def only_run(root: Path) -> Path:
    (run,) = root.glob("digits/*")
    return run


def kill_in_the_middle_of_an_epoch(process: Any, root: Path) -> int:
    """Kill without warning once two epochs are saved; returns the last step that was logged."""
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        found = list(root.glob("digits/*/metrics.csv"))
        steps = [int(row[0]) for row in rows(found[0].parent)] if found else []
        if steps and steps[-1] > 2 * STEPS_PER_EPOCH and 5 < steps[-1] % STEPS_PER_EPOCH < 45:
            process.send_signal(signal.SIGKILL)
            process.communicate()
            return int(rows(found[0].parent)[-1][0])
        time.sleep(0.005)
    raise AssertionError("the run was never in the middle of an epoch")


@pytest.mark.slow
def test_killed_and_resumed_equals_never_stopped(program: Any, digits: str, tmp_path: Path) -> None:
    whole, cut = tmp_path / "whole", tmp_path / "cut"
    program("fit", digits, *LONG, "--run.wandb=off", f"--run.root={whole}")
    process = program.start("fit", digits, *LONG, "--run.wandb=offline", f"--run.root={cut}")
    step = kill_in_the_middle_of_an_epoch(process, cut)
    run = only_run(cut)
    first_config = (run / "config.yaml").read_text()
    assert torch.load(run / "checkpoints/last.ckpt", weights_only=True)["global_step"] < step

    output = program("resume", f"--run.root={cut}")

    assert str(run) in output
    assert only_run(cut) == run
    expected, found = weights(only_run(whole)), weights(run)
    assert expected.keys() == found.keys()
    for name, values in expected.items():
        assert torch.equal(values, found[name]), name
    assert (run / "config.yaml").read_text() == first_config
    assert curve(run) == curve(only_run(whole))
    # One W&B run, in two parts.
    parts = list(run.glob("wandb/offline-run-*"))
    assert len(parts) == 2
    assert len({part.name.split("-", 3)[3] for part in parts}) == 1


def curve(run: Path) -> list[list[str]]:
    return [row for row in rows(run) if not row[2].endswith("images_per_second")]


def test_resume_takes_the_last_run_and_goes_on_in_its_folder(
    multitask: Callable[..., None], quick: tuple[str, ...], tmp_path: Path
) -> None:
    multitask("fit", *quick)
    multitask("fit", *quick)
    older, newer = sorted(tmp_path.glob("runs/digits/*"))
    before = {path: path.read_bytes() for path in older.rglob("*") if path.is_file()}
    multitask("resume", "--trainer.max_epochs=2")
    saved = torch.load(newer / "checkpoints/last.ckpt", weights_only=True)
    assert saved["global_step"] == 8
    assert (newer / "config-2.yaml").exists()
    assert {path: path.read_bytes() for path in older.rglob("*") if path.is_file()} == before
    multitask("resume", str(older), "--trainer.max_epochs=2")
    assert torch.load(older / "checkpoints/last.ckpt", weights_only=True)["global_step"] == 8


def test_resume_without_a_run_says_so(fails: Callable[..., str], tmp_path: Path) -> None:
    assert "no run with a checkpoint in runs" in fails("resume")
    assert "has no config.yaml" in fails("resume", str(tmp_path))


def test_two_runs_never_share_a_folder(
    multitask: Callable[..., None], quick: tuple[str, ...], tmp_path: Path
) -> None:
    multitask("fit", *quick)
    (first,) = tmp_path.glob("runs/digits/*")
    before = {path: path.read_bytes() for path in first.rglob("*") if path.is_file()}
    config = first / "config.yaml"
    multitask("fit", f"--config={config}")
    assert len(list(tmp_path.glob("runs/digits/*"))) == 2
    assert {path: path.read_bytes() for path in first.rglob("*") if path.is_file()} == before


def test_a_runs_config_reproduces_it(
    multitask: Callable[..., None], quick: tuple[str, ...], tmp_path: Path
) -> None:
    multitask("fit", *quick, "--seed_everything=3")
    (first,) = tmp_path.glob("runs/digits/*")
    multitask("fit", f"--config={first / 'config.yaml'}")
    (second,) = set(tmp_path.glob("runs/digits/*")) - {first}
    expected, found = weights(first), weights(second)
    assert all(torch.equal(expected[name], found[name]) for name in expected)
    assert (first / "config.yaml").read_text() == (second / "config.yaml").read_text()
