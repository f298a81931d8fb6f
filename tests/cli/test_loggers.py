"""Loggers that a person adds are added: nothing that the program writes itself is lost."""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

OWN = """
from lightning.pytorch.loggers import Logger

class Quiet(Logger):
    name = version = "own"

    def __init__(self, needed: str):
        super().__init__()
        self.rows, self.images, self.config = {}, [], {}

    def log_metrics(self, metrics, step=None):
        self.rows |= metrics

    def log_hyperparams(self, params, *args, **kwargs):
        self.config |= params

class Failing(Quiet):
    def __init__(self):
        raise RuntimeError("the tracker is in\\nmaintenance " + 1000 * "mode ")

class Late(Quiet):
    def __init__(self):
        super().__init__("")

    @property
    def experiment(self):
        raise ConnectionError("no server at 127.0.0.1")

class Choosy(Quiet):
    def __init__(self):
        super().__init__("")

    def log_hyperparams(self, params, *args, **kwargs):
        raise TypeError("only flat settings")

    def log_image(self, key, images):
        raise TypeError("no pictures")
"""


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A module with loggers of a person's own."""
    (tmp_path / "own_loggers.py").write_text(OWN)
    monkeypatch.syspath_prepend(str(tmp_path))


def names(run: Path) -> set[str]:
    with (run / "metrics.csv").open() as file:
        return {row["name"] for row in csv.DictReader(file)}


def only_run(folder: Path) -> Path:
    (run,) = folder.glob("runs/digits/*")
    return run


@pytest.mark.slow
def test_tensorboard_gets_scalars_figures_and_configuration_beside_the_runs_own(
    multitask: Callable[..., None], quick: tuple[str, ...], tmp_path: Path, empty_figures: None
) -> None:
    given = "[{class_path: TensorBoardLogger, init_args: {save_dir: board}}]"
    offline = ("--run.wandb=offline", "--run.figures=true")
    multitask("fit", *quick, *offline, f"--trainer.logger={given}")
    run = only_run(tmp_path)
    assert {"val/score", "test/digit/accuracy", "train/loss"} <= names(run)
    assert list(run.glob("wandb/offline-run-*"))
    assert not (tmp_path / "lightning_logs").exists()

    (board,) = (tmp_path / "board/lightning_logs").iterdir()
    config = yaml.safe_load((board / "hparams.yaml").read_text())
    assert config["model"]["tasks"]["digit"]["init_args"]["num_classes"] == 10
    assert {"git", "packages"} <= config["_provenance"].keys()
    events = EventAccumulator(str(board), {"scalars": 0, "images": 0}).Reload()
    assert {"val/score", "test/digit/accuracy", "train/loss"} <= set(events.Tags()["scalars"])
    drawn = {path.relative_to(run).with_suffix("") for path in run.glob("figures/**/*.png")}
    assert set(events.Tags()["images"]) == {path.as_posix() for path in drawn}
    assert {"figures/test/digit", "figures/gradients"} <= set(events.Tags()["images"])
    (last,) = events.Images("figures/test/digit")
    assert last.step == 4
    assert last.width > 300

    # The run's configuration names the logger, and is used without being vouched for.
    multitask("test", f"--ckpt_path={run}/checkpoints/best.ckpt", "--run.figures=false")
    assert len(list((tmp_path / "board/lightning_logs").iterdir())) == 2
    assert list(run.glob("test/*/metrics.csv"))


def test_a_logger_of_ones_own_that_takes_little_ends_no_run(
    own: None,
    multitask: Callable[..., None],
    quick: tuple[str, ...],
    tmp_path: Path,
    empty_figures: None,
) -> None:
    with pytest.warns() as warned:
        multitask(
            "fit",
            *quick,
            "--run.figures=true",
            "--run.test_after_fit=false",
            "--trainer.logger=own_loggers.Choosy",
        )
    said = [str(each.message) for each in warned if "Choosy" in str(each.message)]
    assert (
        said[0] == "the logger Choosy does not accept the run's configuration: only flat settings"
    )
    assert "the logger Choosy does not accept the figure figures/data/samples: no pictures" in said
    assert "val/score" in names(only_run(tmp_path))


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (["TensorBoardLogger"], "TensorBoardLogger needs save_dir (text or a path)"),
        (["CSVLogger"], "CSVLogger needs save_dir"),
        (["[CSVLogger]"], "CSVLogger needs save_dir"),
        (["own_loggers.Quiet"], "Quiet needs needed (text)"),
        (["own_loggers.Failing"], "Failing cannot be created as configured: the tracker is"),
        (["own_loggers.Late"], "Late cannot start as configured: no server at 127.0.0.1"),
        (["[own_loggers.Late]"], "Late cannot start as configured: no server at 127.0.0.1"),
        (["false"], "a run always writes metrics.csv; remove the setting"),
        (["[WandbLogger, WandbLogger]"], "2 WandbLoggers"),
    ],
)
def test_a_logger_that_cannot_be_is_told_before_there_is_a_run(
    own: None, given: list[str], words: str, fails: Any, quick: tuple[str, ...], tmp_path: Path
) -> None:
    said = fails("fit", *quick, *(f"--trainer.logger={each}" for each in given))
    assert words in said
    assert len(said) < 900
    assert not (tmp_path / "runs").exists()


def test_a_file_that_is_no_folder_is_told(
    fails: Any, quick: tuple[str, ...], tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("")
    given = ("--trainer.logger=TensorBoardLogger", "--trainer.logger.save_dir=file/board")
    assert "TensorBoardLogger cannot start as configured" in fails("fit", *quick, *given)
    assert not (tmp_path / "runs").exists()


@pytest.mark.parametrize("mode", ["online", "offline"])
def test_a_run_is_not_recorded_twice_at_wandb(
    mode: str, fails: Any, quick: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WANDB_API_KEY", "0" * 40)
    said = fails("fit", *quick, f"--run.wandb={mode}", "--trainer.logger=WandbLogger")
    assert f"run.wandb is {mode}, which records the run at W&B already" in said
    assert "run.project" in said


@pytest.mark.slow
def test_ones_own_wandb_logger_is_the_runs_where_wandb_may_choose(
    program: Any, quick: tuple[str, ...], tmp_path: Path
) -> None:
    given = "{class_path: WandbLogger, init_args: {offline: true, save_dir: theirs, project: mine}}"
    program("fit", *quick, "--run.wandb=auto", f"--trainer.logger={given}")
    (theirs,) = tmp_path.glob("theirs/wandb/offline-run-*/run-*.wandb")
    assert b"val/score" in theirs.read_bytes()
    assert not (only_run(tmp_path) / "wandb").exists()
    assert "val/score" in names(only_run(tmp_path))


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        (["--run.wandb=off"], "W&B is off"),
        (["--trainer.logger=true", "--run.wandb=off"], "W&B is off"),
        (["--run.wandb=auto", "--trainer.fast_dev_run=true"], "trainer.fast_dev_run"),
    ],
)
def test_a_trial_that_would_not_send_its_score_is_refused(
    settings: list[str],
    words: str,
    fails: Any,
    quick: tuple[str, ...],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("WANDB_SWEEP_ID", "one")
    monkeypatch.setenv("WANDB_API_KEY", "0" * 40)
    said = fails("fit", *quick, *settings)
    assert "this is a trial of the sweep one, which waits for its score" in said
    assert words in said


def test_true_means_the_runs_own(
    multitask: Callable[..., None], quick: tuple[str, ...], tmp_path: Path
) -> None:
    multitask("fit", *quick, "--run.test_after_fit=false", "--trainer.logger=true")
    assert "val/score" in names(only_run(tmp_path))
    assert not (tmp_path / "lightning_logs").exists()
