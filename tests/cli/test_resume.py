"""A run that is killed and resumed equals the run that was never stopped."""

from __future__ import annotations

import csv
import random
import re
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from torch.testing import assert_close

from multitask.checkpoints.named_checkpoint import LAST

LONG = (
    "--trainer.accelerator=cpu",
    "--trainer.max_epochs=4",
    "--trainer.limit_train_batches=25",
    "--trainer.limit_val_batches=2",
    "--trainer.limit_test_batches=2",
    "--trainer.val_check_interval=10",
    "--trainer.log_every_n_steps=1",
    "--trainer.enable_progress_bar=false",
    "--run.wandb=off",
    "--run.figures=false",
)
STEPS, KILLS, BETWEEN = 100, 5, 3
"""Length of a training, fewest kills, and how many of them are between two checkpoints."""


def rows(run: Path) -> list[list[str]]:
    with (run / "metrics.csv").open(newline="") as file:
        return list(csv.reader(file))[1:]


def last(run: Path) -> dict[str, Any]:
    return torch.load(run / "checkpoints/last.ckpt", weights_only=True)


def weights(run: Path) -> dict[str, torch.Tensor]:
    return last(run)["state_dict"]


def only_run(root: Path) -> Path:
    (run,) = root.glob("digits/*")
    return run


def kill_after(process: Any, root: Path, size: int, delay: float) -> None:
    """Kill without warning a moment after the metrics have grown by so many bytes."""
    files = list(root.glob("digits/*/metrics.csv"))
    size += files[0].stat().st_size if files else 0
    deadline = time.monotonic() + 60
    while not (files and files[0].stat().st_size >= size and list(root.glob(f"digits/*/{LAST}"))):
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.002)
        files = files or list(root.glob("digits/*/metrics.csv"))
    time.sleep(delay)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert process.returncode == -signal.SIGKILL


def between(reached: list[tuple[int, int]]) -> int:
    """How often it was killed in the middle of steps that no checkpoint has."""
    return sum(step >= saved for saved, step in reached)


@pytest.mark.slow
def test_killed_at_several_moments_equals_never_stopped(
    program: Any, digits: str, tmp_path: Path
) -> None:
    whole, cut = tmp_path / "whole", tmp_path / "cut"
    program("fit", digits, *LONG, f"--run.root={whole}")
    chance = random.Random(0)
    process = program.start("fit", digits, *LONG, f"--run.root={cut}")
    reached: list[tuple[int, int]] = []
    # How far it gets before a signal reaches it depends on what else the system does.
    while len(reached) < KILLS or (between(reached) < BETWEEN and len(reached) < 2 * KILLS):
        # On average a fifteenth of the metrics, so that the last kill comes before the end.
        kill_after(process, cut, chance.randrange(2000), chance.uniform(0, 0.03))
        run = only_run(cut)
        reached.append((last(run)["global_step"], int(rows(run)[-1][0])))
        process = program.start("resume", str(run))
    said, _ = process.communicate()
    assert process.returncode == 0, said
    assert between(reached) >= BETWEEN, reached
    expected, found = last(only_run(whole)), last(run)
    assert found["global_step"] == expected["global_step"] == STEPS
    for part in ("state_dict", "optimizer_states", "lr_schedulers"):
        assert_close(found[part], expected[part], rtol=0, atol=0)
    assert torch.equal(found["random_states"][0]["torch"], expected["random_states"][0]["torch"])
    assert curve(run) == curve(only_run(whole))


def curve(run: Path) -> list[list[str]]:
    """All metrics but those that a resume in the middle of an epoch counts anew."""
    middle = re.compile(r".*samples_per_second|train/(score|\w+/(?!loss|weight).*)")
    return [row for row in rows(run) if not middle.fullmatch(row[2])]


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
    assert "there is no run in runs" in fails("resume")
    assert "has no config.yaml" in fails("resume", str(tmp_path))


def test_a_runs_config_reproduces_it_in_another_folder(
    multitask: Callable[..., None], quick: tuple[str, ...], tmp_path: Path
) -> None:
    multitask("fit", *quick, "--seed_everything=3")
    (first,) = tmp_path.glob("runs/digits/*")
    before = {path: path.read_bytes() for path in first.rglob("*") if path.is_file()}
    multitask("fit", f"--config={first / 'config.yaml'}")
    (second,) = set(tmp_path.glob("runs/digits/*")) - {first}
    assert {path: path.read_bytes() for path in first.rglob("*") if path.is_file()} == before
    expected, found = weights(first), weights(second)
    assert all(torch.equal(expected[name], found[name]) for name in expected)
    assert (first / "config.yaml").read_text() == (second / "config.yaml").read_text()


def test_what_chooses_the_best_checkpoint_cannot_change(fails: Callable[..., str]) -> None:
    folder = Path("runs/digits/one")
    (folder / "checkpoints").mkdir(parents=True)
    (folder / "checkpoints/last.ckpt").touch()
    (folder / "config.yaml").write_text("run: {monitor: val/digit/loss}\n")
    other = fails("resume", str(folder), "--run.monitor=val/score")
    assert "run.monitor cannot change in a resumed run" in other
    (folder / "config.yaml").write_text("run: {}\n")
    assert "cannot change" in fails("resume", str(folder), "--run.monitor=val/digit/loss")


def test_what_a_run_started_with_cannot_change(fails: Callable[..., str]) -> None:
    folder = Path("runs/digits/one")
    (folder / "checkpoints").mkdir(parents=True)
    (folder / "checkpoints/last.ckpt").touch()
    encoder = {"class_path": "FromRun", "init_args": {"checkpoint": "runs/a", "trust": False}}
    written = {"run": {"weights": None}, "model": {"encoder": encoder}}
    (folder / "config.yaml").write_text(yaml.safe_dump(written))
    for given in ("model.encoder.checkpoint", "model.encoder.init_args.checkpoint", "run.weights"):
        sentence = f"{given} cannot change in a resumed run, whose weights have been trained since"
        assert sentence in fails("resume", str(folder), f"--{given}=runs/b")
    for same in ("--model.encoder.checkpoint=runs/a", "--run.weights=null"):
        # What is refused then is the empty checkpoint.
        assert "cannot change" not in fails("resume", str(folder), same)


def test_a_root_in_the_home_folder_keeps_a_run_together(
    multitask: Callable[..., None],
    quick: tuple[str, ...],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    # Shells leave a tilde after an equals sign as it is, and some libraries do not.
    for root, place in (("~/runs", "home/runs"), ("./~/runs", "~/runs")):
        multitask("fit", *quick, f"--run.root={root}", "--run.test_after_fit=false")
        run = only_run(tmp_path / place)
        assert (run / LAST).is_file()
        multitask("resume", f"--run.root={root}", "--trainer.max_epochs=2")
        assert last(run)["epoch"] == 1
        assert Path("~").exists() == (root != "~/runs")
