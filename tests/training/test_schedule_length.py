"""Learning rate schedules that are as long as the run."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from lightning.pytorch import Trainer
from lightning.pytorch.callbacks import GradientAccumulationScheduler
from tiny_training import TinyData, tiny_model
from torch.optim import lr_scheduler
from torch.optim.lr_scheduler import CosineAnnealingLR, OneCycleLR

from multitask import MultiTask
from multitask.data import DataModule
from multitask.errors import InputError
from multitask.training.optimization import try_optimizer
from multitask.training.schedule_length import length_of_run

pytestmark = pytest.mark.filterwarnings("ignore:.*:UserWarning:lightning")

MakeTrainer = Callable[..., Trainer]
COSINE = partial(CosineAnnealingLR, T_max="run")
"""Of the tiny data's 3 batches in an epoch."""


class Rates(GradientAccumulationScheduler):
    """Keeps the rate of each step; gradients are not accumulated."""

    def __init__(self) -> None:
        super().__init__({0: 1})
        self.found: list[float] = []

    def on_before_optimizer_step(self, trainer: Trainer, *_: Any) -> None:
        self.found.append(trainer.optimizers[0].param_groups[0]["lr"])


def rates_of(model: MultiTask, trainer: MakeTrainer, **options: Any) -> list[float]:
    rates = Rates()
    checkpoint = options.pop("ckpt_path", None)
    runner = trainer(callbacks=[rates], **options)
    runner.fit(model, TinyData(), ckpt_path=checkpoint, weights_only=True)
    if folder := options.get("default_root_dir"):
        runner.save_checkpoint(Path(folder) / "model.ckpt")
    return rates.found


SETTINGS: list[dict[str, Any]] = [
    {"max_epochs": 4},
    {"max_epochs": 4, "accumulate_grad_batches": 2},
    {"max_epochs": 4, "limit_train_batches": 2},
    {"max_epochs": 4, "limit_train_batches": 0.7},
    {"max_epochs": 4, "overfit_batches": 1},
    {"max_epochs": 4, "max_steps": 7},
    {"max_epochs": -1, "max_steps": 7},
    {"max_steps": 5, "accumulate_grad_batches": 5},
    {"fast_dev_run": True},
]


@pytest.mark.parametrize("settings", SETTINGS, ids=str)
def test_length_is_the_one_that_lightning_estimates(
    settings: dict[str, Any], trainer: MakeTrainer
) -> None:
    model, data = tiny_model(), TinyData()
    runner = trainer(**{"max_epochs": None, **settings})
    found = length_of_run(runner, data, "step")
    runner.fit(model, data)
    assert found == runner.estimated_stepping_batches == runner.global_step


def test_length_follows_accumulation_that_changes(trainer: MakeTrainer) -> None:
    runner = trainer(max_epochs=4, callbacks=[GradientAccumulationScheduler({0: 1, 2: 3})])
    found = length_of_run(runner, TinyData(), "step")
    runner.fit(tiny_model(), TinyData())
    assert found == runner.global_step == 3 + 3 + 1 + 1


@pytest.mark.parametrize(
    ("settings", "epochs"),
    [({"max_epochs": 4}, 4), ({"max_epochs": 4, "max_steps": 7}, 3), ({"max_steps": 3}, 1)],
)
def test_length_in_epochs(settings: dict[str, Any], epochs: int, trainer: MakeTrainer) -> None:
    runner = trainer(**{"max_epochs": None, **settings})
    assert length_of_run(runner, TinyData(), "epoch") == epochs


@pytest.mark.parametrize("interval", ["step", "epoch"])
def test_schedule_is_as_long_as_the_run(interval: Any, trainer: MakeTrainer) -> None:
    numbers = {"step": 12, "epoch": 4}
    fixed = partial(CosineAnnealingLR, T_max=numbers[interval])
    found, expected = (
        rates_of(tiny_model(scheduler=each, scheduler_interval=interval), trainer, max_epochs=4)
        for each in (COSINE, fixed)
    )
    assert found == expected
    assert found[-1] < found[0] / 5


@pytest.mark.parametrize(
    "schedule",
    [
        partial(OneCycleLR, max_lr=0.1, total_steps="run"),
        partial(lr_scheduler.LinearLR, end_factor=0.0, total_iters="run"),
        partial(lr_scheduler.PolynomialLR, total_iters="run"),
        partial(lr_scheduler.ConstantLR, total_iters="run"),
        partial(lr_scheduler.CosineAnnealingWarmRestarts, T_0="run"),
    ],
    ids=lambda each: each.func.__name__,
)
def test_any_schedule_with_a_length_can_be(schedule: Any, trainer: MakeTrainer) -> None:
    runner = trainer(max_epochs=2)
    runner.fit(tiny_model(scheduler=schedule), TinyData())
    made: Any = runner.lr_scheduler_configs[0].scheduler
    name = next(key for key, value in schedule.keywords.items() if value == "run")
    assert getattr(made, name) == 6


def test_checkpoint_tells_of_the_run_not_of_a_number(trainer: MakeTrainer, tmp_path: Path) -> None:
    rates_of(tiny_model(scheduler=COSINE), trainer, default_root_dir=tmp_path)
    model = MultiTask.load_from_checkpoint(tmp_path / "model.ckpt", weights_only=True)
    assert model.hparams["scheduler"]["init_args"]["T_max"] == "run"
    assert rates_of(model, trainer, max_epochs=4)[-1] < 0.01


@pytest.mark.parametrize(
    "schedule", [COSINE, partial(OneCycleLR, max_lr=0.1, total_steps="run")], ids=["cosine", "one"]
)
def test_resumed_with_more_epochs_it_is_as_long_as_the_longer_run(
    schedule: Any, trainer: MakeTrainer, tmp_path: Path
) -> None:
    def model() -> MultiTask:
        sgd = partial(torch.optim.SGD, lr=0.05, momentum=0.9)
        return tiny_model(scheduler=schedule, optimizer=sgd)

    rates_of(model(), trainer, max_epochs=2, default_root_dir=tmp_path)
    whole = rates_of(model(), trainer, max_epochs=4)
    rest = rates_of(model(), trainer, max_epochs=4, ckpt_path=tmp_path / "model.ckpt")
    assert rest == pytest.approx(whole[6:])


def test_run_without_an_end_is_refused(trainer: MakeTrainer) -> None:
    with pytest.raises(InputError, match=r"T_max is run, but the end of .*max_epochs"):
        trainer(max_epochs=-1).fit(tiny_model(scheduler=COSINE), TinyData())


def tried(schedule: Any, trainer: MakeTrainer, **options: Any) -> list[str]:
    """What is said of a schedule before training."""
    data: DataModule = TinyData()
    data.setup()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try_optimizer(tiny_model(scheduler=schedule), trainer(**{"max_epochs": 4, **options}), data)
    return [str(each.message) for each in caught if "scheduler" in str(each.message)]


@pytest.mark.parametrize(
    ("schedule", "outcome"),
    [
        (partial(CosineAnnealingLR, T_max=8), "8 steps long (T_max), but the run has 12, so"),
        (partial(CosineAnnealingLR, T_max=8), "rises again"),
        (partial(CosineAnnealingLR, T_max=50), "ends before the rate reaches its final value"),
        (partial(OneCycleLR, max_lr=0.1, total_steps=20), "set total_steps to run"),
        (partial(OneCycleLR, max_lr=0.1, epochs=5, steps_per_epoch=3), "15 steps long"),
        (partial(lr_scheduler.PolynomialLR, total_iters=5), "the rate is 0 after them"),
        (
            partial(lr_scheduler.LinearLR, start_factor=1, end_factor=0.1, total_iters=5),
            "the rate stays as it is",
        ),
        (partial(lr_scheduler.CosineAnnealingWarmRestarts, T_0=5), "in the middle of a cycle"),
        (partial(lr_scheduler.MultiStepLR, milestones=[5, 60]), "has no effect at 60"),
        (partial(lr_scheduler.StepLR, step_size=30), "has no effect at 30"),
        (
            partial(lr_scheduler.StepLR, step_size=1),
            "1e-11 of what it was; set model.scheduler_int",
        ),
        (partial(lr_scheduler.ExponentialLR, gamma=0.2), "2e-08 of what it was"),
    ],
)
def test_another_length_is_told(schedule: Any, outcome: str, trainer: MakeTrainer) -> None:
    (said,) = tried(schedule, trainer)
    assert outcome in said


@pytest.mark.parametrize(
    "schedule",
    [
        COSINE,
        partial(CosineAnnealingLR, T_max=12),
        partial(lr_scheduler.CosineAnnealingWarmRestarts, T_0=4, T_mult=2),
        partial(lr_scheduler.StepLR, step_size=4),
        partial(lr_scheduler.ExponentialLR, gamma=0.9),
        # Ways to warm up.
        partial(lr_scheduler.LinearLR, start_factor=0.1, total_iters=5),
        partial(lr_scheduler.ConstantLR, total_iters=5),
    ],
)
def test_usual_lengths_are_not_told(schedule: Any, trainer: MakeTrainer) -> None:
    assert tried(schedule, trainer) == []


def test_schedule_that_cannot_be_stepped_so_often_is_refused(trainer: MakeTrainer) -> None:
    with pytest.raises(InputError, match="OneCycleLR is 5 steps long .*12, for which it cannot"):
        tried(partial(OneCycleLR, max_lr=0.1, total_steps=5), trainer)
