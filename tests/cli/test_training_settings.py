"""Schedules, monitors, callbacks and the score, as a person sets them."""

from __future__ import annotations

import csv
import warnings
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from multitask.cli.arguments import prepare
from multitask.cli.command_line import CommandLine

ROOT = Path(__file__).parents[2]
STOPPING = ("--trainer.callbacks+=EarlyStopping", "--trainer.callbacks.monitor=val_loss")
PLATEAU = "--model.scheduler=lightning.pytorch.cli.ReduceLROnPlateau"
ONE_CYCLE = ("--model.scheduler=OneCycleLR", "--model.scheduler.max_lr=0.01")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (STOPPING, ["EarlyStopping watches 'val_loss'", "val/score", "val/digit/accuracy"]),
        ((PLATEAU, "--model.scheduler.monitor=val_loss"), ["ReduceLROnPlateau", "val/glyph/r2"]),
        ((*ONE_CYCLE, "--model.scheduler.total_steps=1"), ["1 steps long", "total_steps to run"]),
        ((*ONE_CYCLE, "--model.scheduler.total_steps=runs"), ["a whole number", "'run'"]),
        (("--trainer.callbacks+=LearningRateFinder",), ["LearningRateFinder", "optimizer.lr"]),
        (("--model.tasks.digit.headline=f2",), ["headline is 'f2'", "'balanced_accuracy'"]),
        (("--model.tasks.digit.class_weights=balance",), ["did you mean 'balanced'"]),
        (("--data.balanced_by=digt",), ["balanced_by and labelled_per_batch"]),
        (
            ("--data.balanced_by=digt", "--data.labelled_per_batch=null"),
            ["--data.balanced_by=digt: ", "did you mean 'digit'"],
        ),
        (
            ("--trainer.callbacks+=Timer", "--trainer.callbacks.duration=5"),
            ["Timer cannot be created as configured", "DD:HH:MM:SS"],
        ),
    ],
)
def test_what_cannot_work_is_one_sentence_before_training(
    arguments: tuple[str, ...],
    words: list[str],
    fails: Callable[..., str],
    quick: tuple[str, ...],
    tmp_path: Path,
) -> None:
    said = fails("fit", *quick, f"--run.root={tmp_path}", *arguments)
    assert all(each in said for each in words), said
    assert not list(tmp_path.iterdir())


def test_what_works_is_done_and_recorded(
    multitask: Callable[..., None],
    quick: tuple[str, ...],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    multitask(
        "fit",
        *quick,
        f"--run.root={tmp_path}",
        "--trainer.callbacks+=Timer",
        "--trainer.callbacks.duration=00:00:10:00",
        "--trainer.callbacks+=RichProgressBar",
        "--trainer.enable_progress_bar=true",
        "--trainer.callbacks+=RichModelSummary",
        "--trainer.log_every_n_steps=1",
        "--model.tasks.digit.class_weights=balanced",
        "--model.tasks.digit.headline=f1",
        "--model.tasks.glyph.counts=false",
        "--data.labelled_per_batch=null",
        "--data.balanced_by=digit",
        *ONE_CYCLE,
        "--model.scheduler.total_steps=run",
    )
    (run,) = tmp_path.glob("*/*")
    config = yaml.safe_load((run / "config.yaml").read_text())
    assert config["trainer"]["callbacks"][0]["init_args"]["interval"] == "step"
    assert config["model"]["scheduler"]["init_args"]["total_steps"] == "run"
    with (run / "metrics.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    rates = [float(row["value"]) for row in rows if row["name"] == "train/learning_rate"]
    assert rates[-1] < rates[0] < max(rates)
    said = capsys.readouterr().out
    assert "is the mean over digit (f1), where 0 is the trivial predictor" in said


def test_a_callbacks_default_device_is_written_so_that_it_can_be_read_again() -> None:
    average = ["--trainer.callbacks=StochasticWeightAveraging", "--trainer.callbacks.swa_lrs=0.01"]
    config = ROOT / "configs/experiment/digits.yaml"
    with warnings.catch_warnings():
        warnings.filterwarnings("error", message=".*Unable to serialize.*")
        text = CommandLine(prepare(["fit", f"--config={config}", *average])).text
    (callback,) = yaml.safe_load(text)["trainer"]["callbacks"]
    assert callback["init_args"]["device"] == "cpu"
