"""Trainings in which parts have rates of their own."""

from __future__ import annotations

import csv
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from lightning.pytorch import Callback, LightningModule, Trainer
from lightning.pytorch.callbacks import LearningRateMonitor
from lightning.pytorch.loggers import CSVLogger
from tiny_training import TinyData, tiny_model
from torch import Tensor
from torch.optim import SGD, Optimizer

from multitask import MultiTask
from multitask.callbacks import GradientTelemetry, TaskAffinity, WeightAverage
from multitask.encoders import MLP
from multitask.errors import InputError
from multitask.training.rates import rates_of

PARTS = {"encoder": 0.1}


class Moves(Callback):
    """Keeps by how much each parameter moves in the last step, in units of its gradient."""

    def __init__(self) -> None:
        self.found: dict[str, Tensor] = {}
        self._before: dict[str, tuple[Tensor, Tensor]] = {}

    def on_before_optimizer_step(
        self, trainer: Trainer, pl_module: LightningModule, optimizer: Optimizer
    ) -> None:
        self._before = {
            name: (each.detach().clone(), each.grad.clone())
            for name, each in pl_module.named_parameters()
            if each.grad is not None
        }

    def on_train_batch_end(self, trainer: Trainer, pl_module: LightningModule, *_: Any) -> None:
        parameters = dict(pl_module.named_parameters())
        for name, (before, gradient) in self._before.items():
            known = gradient.abs() > 1e-4
            self.found[name] = ((before - parameters[name].detach()) / gradient)[known]


def model(**arguments: Any) -> MultiTask:
    return tiny_model(encoder=MLP(16, hidden=[8], out_features=8), **arguments)


def trained(steps: int, made: MultiTask, checkpoint: Path | None = None, **options: Any) -> Trainer:
    defaults: dict[str, Any] = {"logger": False, "log_every_n_steps": 1, "limit_val_batches": 0}
    trainer = Trainer(
        max_steps=steps,
        accelerator="cpu",
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        **{**defaults, **options},
    )
    trainer.fit(made, TinyData(), ckpt_path=checkpoint)
    return trainer


@pytest.mark.parametrize("accumulated", [1, 2])
def test_parts_move_in_the_ratio_of_their_rates_after_a_resume_too(
    accumulated: int, tmp_path: Path
) -> None:
    path = tmp_path / "first.ckpt"
    options = {"precision": "64-true", "accumulate_grad_batches": accumulated}
    for steps, checkpoint in ((1, None), (2, path)):
        moves = Moves()
        made = model(rates=PARTS, layer_decay=0.5)
        trained(steps, made, checkpoint, callbacks=[moves], **options).save_checkpoint(path)
        shares = {"encoder.layers.1": 0.025, "encoder.layers.4": 0.05, "heads": 1}
        for name, share in shares.items():
            found = torch.cat([each for at, each in moves.found.items() if at.startswith(name)])
            assert len(found) > 3
            torch.testing.assert_close(found, 0.05 * share + 0 * found, rtol=1e-6, atol=0)


def test_a_resumed_training_changes_lr_in_proportion_but_no_rates(tmp_path: Path) -> None:
    path = tmp_path / "first.ckpt"
    schedule = partial(torch.optim.lr_scheduler.StepLR, step_size=1, gamma=0.5)
    for scheduler, factor in ((None, 1), (schedule, 0.25)):
        trained(1, model(rates=PARTS, scheduler=scheduler)).save_checkpoint(path)
        faster = model(rates=PARTS, optimizer=partial(SGD, lr=0.2), scheduler=scheduler)
        optimizer = trained(2, faster, path).optimizers[0]
        rates = {"learning_rate": 0.2 * factor, "learning_rate/encoder": 0.02 * factor}
        assert rates_of(optimizer) == pytest.approx(rates)
    others: list[dict[str, Any]] = [{"rates": {"encoder": 0.2}}, {}]
    for arguments in (*others, {"rates": PARTS, "layer_decay": 0.5}):
        with pytest.raises(InputError, match="cannot change in a resumed run"):
            trained(2, model(**arguments, scheduler=schedule), path)


def test_rates_are_logged_by_name_beside_other_callbacks(tmp_path: Path) -> None:
    watching = [LearningRateMonitor(), TaskAffinity(every=1), GradientTelemetry(every=1)]
    logger = CSVLogger(tmp_path, name="", version="")
    callbacks = [*watching, WeightAverage()]
    trained(2, model(layer_decay=0.5), logger=logger, callbacks=callbacks)
    with (tmp_path / "metrics.csv").open() as file:
        rows = list(csv.DictReader(file))
    names = {"train/learning_rate": 0.05, "train/learning_rate/layer_1": 0.025}
    for name, rate in (names | {"lr-SGD/layer_0": 0.0125, "lr-SGD/others": 0.05}).items():
        values = [float(row[name]) for row in rows if row[name]]
        # Lightning's monitor has a row more.
        assert values == pytest.approx([rate] * len(values)), name
        assert len(values) >= 2
    assert any(row["affinity/kind/size"] for row in rows)
