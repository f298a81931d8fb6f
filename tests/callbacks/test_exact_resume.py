"""A run that is cut anywhere and resumed from last.ckpt equals one that never stopped."""

from __future__ import annotations

import csv
import shutil
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from lightning.pytorch import Callback, Trainer, seed_everything
from torch.optim.lr_scheduler import ReduceLROnPlateau
from torchjd.scalarization import DWA

from multitask import MultiTask
from multitask.balancing import Scalarized
from multitask.callbacks import BestCheckpoint, LastCheckpoint, RandomState
from multitask.data import DataModule
from multitask.heads import MLPHead
from multitask.runs.metrics_file import MetricsFile
from multitask.runs.record import RunRecord
from multitask.tasks import Classification, Regression

TinyData = Callable[..., DataModule]
TinyModel = Callable[..., MultiTask]
MakeTrainer = Callable[..., Trainer]
BATCHES, EPOCHS = 8, 3
ACCUMULATED = {"accumulate_grad_batches": 2, "val_check_interval": 5}
SETTINGS: dict[str, dict[str, Any]] = {
    "plain": {},
    "in double precision": {"precision": "64-true"},
    "limited": {"limit_train_batches": 5},
    "validated in the middle": {"val_check_interval": 5},
    "validated at half": {"val_check_interval": 0.5},
    "validated across epochs": {"val_check_interval": 17, "check_val_every_n_epoch": None},
    "validated seldom": {"check_val_every_n_epoch": 2},
    "accumulated": {"accumulate_grad_batches": 5},
    "accumulated and validated between": ACCUMULATED,
    "accumulated and validated always": {"accumulate_grad_batches": 3, "val_check_interval": 1},
    "never validated": {"limit_val_batches": 0},
}

pytestmark = pytest.mark.filterwarnings("ignore")


class Copies(Callback):
    """Copies the folder of a run before some of its batches, as a kill there would leave it.

    Args:
        folder: of the run.
        places: numbers of batches after which to copy.
    """

    def __init__(self, folder: Path, places: Sequence[int]) -> None:
        self.folder, self.places, self.batches = folder, places, 0

    def on_train_batch_start(self, *_: Any) -> None:
        if self.batches in self.places:
            shutil.copytree(self.folder, copy_of(self.folder, self.batches))
        self.batches += 1


def copy_of(folder: Path, batches: int) -> Path:
    """Where the copy is that was made of a run's folder after some batches."""
    return folder.with_name(f"{folder.name}-{batches}")


class Runs:
    """Makes runs in folders.

    Args:
        data, model, trainer: the fixtures.
        settings: of the trainer.
        plateau: whether the learning rate falls where the score does not rise.
    """

    def __init__(
        self,
        data: TinyData,
        model: TinyModel,
        trainer: MakeTrainer,
        settings: dict[str, Any],
        plateau: bool = True,
    ) -> None:
        self.data, self.model, self.trainer = data, model, trainer
        self.settings, self.plateau = settings, plateau

    def __call__(
        self, folder: Path, epochs: int = EPOCHS, resume: bool = False, copies: Sequence[int] = ()
    ) -> None:
        seed_everything(1, verbose=False)
        folder.mkdir(exist_ok=True)
        last = folder / "checkpoints/last.ckpt"
        trainer = self._trainer(folder, copies, epochs)
        path = last if resume and last.exists() else None
        if resume and path is None:
            # Nothing was saved yet, so the run starts anew.
            (folder / "metrics.csv").unlink(missing_ok=True)
        trainer.fit(self._model(), self.data(batch_size=3), ckpt_path=path)

    def _model(self) -> MultiTask:
        # Dropout draws random numbers in every step.
        head = partial(MLPHead, dropout=0.5)
        scheduler = partial(ReduceLROnPlateau, mode="max", patience=0, threshold=0.5, factor=0.5)
        tasks = {"kind": Classification(3, head=head), "size": Regression(head=head)}
        return self.model(
            tasks=tasks,
            balancer=Scalarized(DWA()),
            optimizer=partial(torch.optim.Adam, lr=0.01),
            scheduler=scheduler if self.plateau else None,
        )

    def _trainer(self, folder: Path, copies: Sequence[int], epochs: int) -> Trainer:
        checkpoints = folder / "checkpoints"
        callbacks: list[Callback] = [
            RunRecord(folder, "a: 1"),
            Copies(folder, copies),
            RandomState(),
            BestCheckpoint(checkpoints),
            LastCheckpoint(checkpoints),
        ]
        return self.trainer(
            max_epochs=epochs,
            callbacks=callbacks,
            logger=MetricsFile(folder / "metrics.csv"),
            log_every_n_steps=4,
            enable_checkpointing=True,
            **{"limit_val_batches": 2, **self.settings},
        )


def curve(folder: Path) -> list[list[str]]:
    with (folder / "metrics.csv").open(newline="") as file:
        rows = list(csv.reader(file))
    return [row for row in rows if not row[2].endswith("samples_per_second")]


def training(folder: Path) -> dict[str, Any]:
    content = torch.load(folder / "checkpoints/last.ckpt", weights_only=True)
    kept = ("epoch", "global_step", "state_dict", "optimizer_states", "lr_schedulers")
    return {name: content[name] for name in kept}


def without_training_metrics(rows: list[list[str]]) -> list[list[str]]:
    # Those of a resumed epoch are of the batches after it.
    return [row for row in rows if not is_training_metric(row[2])]


def is_training_metric(name: str) -> bool:
    parts = name.split("/")
    if parts[0] != "train":
        return False
    return name == "train/score" or (len(parts) == 3 and parts[2] not in ("loss", "weight"))


def assert_same(found: Any, expected: Any) -> None:
    assert found.pop("lr_schedulers") == expected.pop("lr_schedulers")
    torch.testing.assert_close(found, expected, rtol=0, atol=0)


@pytest.fixture
def runs(
    tiny_data: TinyData, tiny_model: TinyModel, trainer: MakeTrainer
) -> Callable[[dict[str, Any]], Runs]:
    return lambda settings: Runs(
        tiny_data, tiny_model, trainer, settings, settings.get("limit_val_batches") != 0
    )


@pytest.mark.slow
@pytest.mark.parametrize("name", SETTINGS)
def test_cut_anywhere_and_resumed_equals_never_stopped(
    name: str, runs: Callable[[dict[str, Any]], Runs], tmp_path: Path
) -> None:
    run = runs(SETTINGS[name])
    # Some validation metrics are watched before the first validation.
    if name in ("validated seldom", "validated across epochs"):
        run.plateau = False
    batches = SETTINGS[name].get("limit_train_batches", BATCHES)
    # Places before, at and after validations, steps and the ends of epochs.
    cuts = sorted({*range(1, EPOCHS * batches, 7), *range(batches, EPOCHS * batches, 9)})
    folder = tmp_path / "run"
    run(folder, copies=cuts)
    expected, expected_curve = training(folder), without_training_metrics(curve(folder))
    for cut in cuts:
        # In the same place, as a run that continues: the checkpoints know where they are.
        shutil.rmtree(folder)
        copy_of(folder, cut).rename(folder)
        run(folder, resume=True)
        assert_same(training(folder), dict(expected))
        assert without_training_metrics(curve(folder)) == expected_curve, cut


@pytest.mark.parametrize("name", ["plain", "limited", "validated in the middle"])
def test_prolonged_run_equals_a_long_one(
    name: str, runs: Callable[[dict[str, Any]], Runs], tmp_path: Path
) -> None:
    run = runs(SETTINGS[name])
    run(tmp_path / "whole")
    run(tmp_path / "part", epochs=2)
    run(tmp_path / "part", resume=True)
    assert_same(training(tmp_path / "part"), training(tmp_path / "whole"))
    assert curve(tmp_path / "part") == curve(tmp_path / "whole")
