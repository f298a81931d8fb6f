"""What a run says about itself, in its folder and to W&B."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
import yaml
from lightning.pytorch import Callback, Trainer
from lightning.pytorch.loggers import WandbLogger

from multitask import MultiTask
from multitask.data import DataModule
from multitask.runs.metrics_file import MetricsFile
from multitask.runs.record import RunRecord

TinyData = Callable[..., DataModule]
TinyModel = Callable[..., MultiTask]
MakeTrainer = Callable[..., Trainer]
CONFIG = "seed_everything: 3\nmodel: {tasks: {kind: 1}}\n"

pytestmark = pytest.mark.filterwarnings("ignore")


class FakeRun:
    """Keeps what W&B is told."""

    def __init__(self) -> None:
        self.config = self
        self.told: dict[str, Any] = {}
        self.summaries: dict[str, str] = {}
        self.summary: dict[str, float] = {}

    def update(self, values: dict[str, Any], allow_val_change: bool) -> None:
        assert allow_val_change
        self.told |= values

    def define_metric(self, name: str, summary: str) -> None:
        self.summaries[name] = summary

    def log(self, values: dict[str, Any]) -> None:
        pass


@pytest.fixture
def wandb_run(monkeypatch: pytest.MonkeyPatch) -> FakeRun:
    run = FakeRun()
    monkeypatch.setattr(WandbLogger, "experiment", run)
    return run


def test_configuration_and_origin_are_written_once(
    tmp_path: Path, tiny_data: TinyData, tiny_model: TinyModel, trainer: MakeTrainer
) -> None:
    run = trainer(callbacks=[RunRecord(tmp_path, CONFIG)])
    model, data = tiny_model(), tiny_data()
    run.fit(model, data)
    run.test(model, data, verbose=False)
    assert sorted(path.name for path in tmp_path.glob("*.yaml")) == [
        "config.yaml",
        "provenance.yaml",
    ]
    assert (tmp_path / "config.yaml").read_text() == CONFIG
    assert "packages" in yaml.safe_load((tmp_path / "provenance.yaml").read_text())


def test_folder_is_the_first_processs(tmp_path: Path, tiny_model: TinyModel) -> None:
    strategy = SimpleNamespace(broadcast=lambda folder: str(Path(folder).with_name("first")))
    other: Any = SimpleNamespace(strategy=strategy, loggers=[], is_global_zero=False)
    record = RunRecord(tmp_path / "second", CONFIG)
    record.setup(other, tiny_model(), "fit")
    assert record.folder == tmp_path / "first"
    assert not list(tmp_path.iterdir())


def test_next_part_writes_files_of_its_own(
    tmp_path: Path, tiny_data: TinyData, tiny_model: TinyModel, trainer: MakeTrainer
) -> None:
    for part in ("first: 1", "second: 2"):
        trainer(callbacks=[RunRecord(tmp_path, part)]).fit(tiny_model(), tiny_data())
    assert (tmp_path / "config.yaml").read_text() == "first: 1"
    assert (tmp_path / "config-2.yaml").read_text() == "second: 2"
    assert (tmp_path / "provenance-2.yaml").exists()


def test_a_new_run_from_another_ones_checkpoint_misses_no_metrics(
    tmp_path: Path, tiny_data: TinyData, tiny_model: TinyModel, trainer: MakeTrainer
) -> None:
    for epochs, name, path in ((1, "first", None), (2, "second", tmp_path / "first.ckpt")):
        logger = MetricsFile(tmp_path / name / "metrics.csv")
        (tmp_path / name).mkdir()
        run = trainer(
            callbacks=[RunRecord(tmp_path / name, CONFIG)], logger=logger, max_epochs=epochs
        )
        with warnings.catch_warnings():
            warnings.filterwarnings("error", message=".*earlier metrics may")
            run.fit(tiny_model(), tiny_data(), ckpt_path=path)
        run.save_checkpoint(tmp_path / f"{name}.ckpt")


class Failing(Callback):
    """Fails when a training begins."""

    def on_train_start(self, *args: Any) -> None:
        """Fail."""
        raise RuntimeError("wrong")


def test_an_attempt_that_fails_before_its_first_step_leaves_the_run_as_it_was(
    tmp_path: Path, tiny_data: TinyData, tiny_model: TinyModel, trainer: MakeTrainer
) -> None:
    trainer(callbacks=[RunRecord(tmp_path, "first: 1")]).fit(tiny_model(), tiny_data())
    before = {path: path.read_bytes() for path in tmp_path.rglob("*.*") if path.is_file()}
    second = trainer(callbacks=[RunRecord(tmp_path, "second: 2"), Failing()])
    with pytest.raises(RuntimeError, match="wrong"):
        second.fit(tiny_model(), tiny_data())
    assert {path: path.read_bytes() for path in tmp_path.rglob("*.*") if path.is_file()} == before


def test_wandb_is_told_everything(
    tmp_path: Path,
    wandb_run: FakeRun,
    tiny_data: TinyData,
    tiny_model: TinyModel,
    trainer: MakeTrainer,
) -> None:
    logger, model = WandbLogger(save_dir=tmp_path), tiny_model()
    record = RunRecord(tmp_path, CONFIG)
    run = trainer(callbacks=[record], logger=logger, max_epochs=3)
    scores: list[float] = []
    log = WandbLogger.log_metrics

    def keep(self: WandbLogger, metrics: Any, step: int | None = None) -> None:
        scores.extend(value for name, value in metrics.items() if name == "val/score")
        log(self, metrics, step)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(WandbLogger, "log_metrics", keep)
        run.fit(model, tiny_data())
    assert wandb_run.told["seed_everything"] == 3
    assert wandb_run.told["model"] == {"tasks": {"kind": 1}}
    assert "git" in wandb_run.told["_provenance"]
    assert wandb_run.summaries["val/kind/accuracy"] == "max,last"
    assert wandb_run.summaries["test/size/mae"] == "min,last"
    # What a sweep optimises is no summary of several numbers.
    assert "val/score" not in wandb_run.summaries
    assert len(scores) == 3
    assert wandb_run.summary == {"best/score": pytest.approx(max(scores))}


def test_best_score_of_the_parts_before_counts(
    tmp_path: Path,
    wandb_run: FakeRun,
    tiny_data: TinyData,
    tiny_model: TinyModel,
    trainer: MakeTrainer,
) -> None:
    record = RunRecord(tmp_path, CONFIG)
    record.load_state_dict({"best_score": 2.0})
    logger = WandbLogger(save_dir=tmp_path)
    trainer(callbacks=[record], logger=logger).fit(tiny_model(), tiny_data())
    assert wandb_run.summary == {}
    assert record.state_dict() == {"best_score": 2.0, "metrics_size": None}
    # The test at the end loads best.ckpt, which another metric may have chosen.
    record.load_state_dict({"best_score": 1.0})
    assert record.best_score == 2.0


def test_metrics_of_a_resumed_run_go_on_at_its_checkpoint(
    tmp_path: Path, tiny_data: TinyData, tiny_model: TinyModel, trainer: MakeTrainer
) -> None:
    def run(**options: Any) -> Trainer:
        logger = MetricsFile(tmp_path / "metrics.csv")
        record = RunRecord(tmp_path, CONFIG)
        return trainer(callbacks=[record], logger=logger, log_every_n_steps=1, **options)

    def steps() -> list[int]:
        lines = (tmp_path / "metrics.csv").read_text().splitlines()[1:]
        return [int(line.split(",")[0]) for line in lines if ",train/loss," in line]

    first = run(max_epochs=2)
    first.fit(tiny_model(), tiny_data())
    first.save_checkpoint(tmp_path / "last.ckpt")
    with (tmp_path / "metrics.csv").open("a") as file:
        file.write("6,2,train/loss,9\n7,2,train/loss,9\n")
    state = torch.load(tmp_path / "last.ckpt", weights_only=True)
    assert state["global_step"] == 6
    run(max_epochs=3).fit(tiny_model(), tiny_data(), ckpt_path=tmp_path / "last.ckpt")
    assert steps() == list(range(9))
