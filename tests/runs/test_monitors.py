"""What watches a metric watches one that there is, for its right end."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from lightning.pytorch import Callback, Trainer
from lightning.pytorch import cli as lightning_cli
from lightning.pytorch.callbacks import (
    BackboneFinetuning,
    EarlyStopping,
    LearningRateFinder,
    LearningRateMonitor,
    ModelCheckpoint,
)
from tiny_training import TinyData, tiny_model
from torch.optim.lr_scheduler import ReduceLROnPlateau

from multitask.callbacks import RobustEvaluation
from multitask.errors import InputError
from multitask.robustness import Attack
from multitask.runs.monitors import best_is_highest
from multitask.runs.preflight import check_training

MakeTrainer = Callable[..., Trainer]


class Own(Callback):
    """Logs what nobody else knows of."""


def checked(
    trainer: MakeTrainer, *callbacks: Callback, data: TinyData | None = None, **options: Any
) -> None:
    scheduler = options.pop("scheduler", None)
    data = data or TinyData()
    data.setup()
    model, runner = tiny_model(scheduler=scheduler), trainer(**options)
    check_training(callbacks, model, data, runner)


PLATEAU = lightning_cli.ReduceLROnPlateau


@pytest.mark.parametrize("monitor", ["val_loss", "test/score", "train/size/loss", "nothing"])
@pytest.mark.parametrize("kind", ["stopping", "checkpoint", "schedule"])
def test_metric_that_is_not_measured_is_refused(
    kind: str, monitor: str, trainer: MakeTrainer
) -> None:
    watching: dict[str, Any] = {
        "stopping": lambda: checked(trainer, EarlyStopping(monitor)),
        "checkpoint": lambda: checked(trainer, ModelCheckpoint(monitor=monitor)),
        "schedule": lambda: checked(trainer, scheduler=partial(PLATEAU, monitor=monitor)),
    }
    with pytest.raises(InputError) as caught:
        watching[kind]()
    for words in (
        f"watches '{monitor}'",
        "not measured",
        "val/score",
        "val/size/r2",
        "train/score",
    ):
        assert words in str(caught.value)


def test_nothing_is_measured_in_a_set_that_is_not_there(trainer: MakeTrainer) -> None:
    data = TinyData(without=["val"])
    checked(trainer, ModelCheckpoint(monitor="train/score", mode="max"), data=data)
    with pytest.raises(InputError, match="watches 'val/score', which is not measured"):
        checked(trainer, ModelCheckpoint(monitor="val/score", mode="max"), data=data)


@pytest.mark.parametrize(
    ("monitor", "wrong", "right"),
    [("val/score", "min", "max"), ("val/kind/auroc", "min", "max"), ("val/size/mae", "max", "min")],
)
def test_wrong_end_is_refused(monitor: str, wrong: str, right: str, trainer: MakeTrainer) -> None:
    for kind in (EarlyStopping, ModelCheckpoint):
        with pytest.raises(InputError, match=f"{kind.__name__} .* set its mode to {right}"):
            checked(trainer, kind(monitor=monitor, mode=wrong))
        checked(trainer, kind(monitor=monitor, mode=right))
    with pytest.raises(InputError, match=f"ReduceLROnPlateau .* set its mode to {right}"):
        checked(trainer, scheduler=partial(PLATEAU, monitor=monitor, mode=wrong))


def test_what_is_measured_may_be_watched(trainer: MakeTrainer) -> None:
    checked(trainer, EarlyStopping("loss", check_on_train_epoch_end=True))
    checked(trainer, ModelCheckpoint(monitor="epoch", mode="max"), ModelCheckpoint())
    checked(trainer, EarlyStopping("train/kind/f1", mode="max"))
    checked(trainer, LearningRateMonitor(), EarlyStopping("lr-SGD"))
    checked(trainer, scheduler=partial(ReduceLROnPlateau, mode="max"))


def test_metric_without_validation_or_labels_is_not_measured(trainer: MakeTrainer) -> None:
    stopping = EarlyStopping("val/size/mae")
    without = TinyData({"val": {"size": torch.full((24,), float("nan"))}})
    for options in ({"limit_val_batches": 0}, {"data": without}):
        with pytest.raises(InputError, match="'val/size/mae', which is not measured"):
            checked(trainer, stopping, **options)


def test_what_a_callback_of_ones_own_may_log_is_refused_only_if_misspelt(
    trainer: MakeTrainer,
) -> None:
    checked(trainer, Own(), EarlyStopping("my_metric"))
    with pytest.raises(InputError, match="did you mean 'val/score'"):
        checked(trainer, Own(), EarlyStopping("val_score"))


@pytest.mark.parametrize(
    ("callback", "words"),
    [
        (LearningRateFinder, "--model.optimizer.lr"),
        (BackboneFinetuning, "multitask.callbacks.Unfreezing"),
    ],
)
def test_callbacks_that_need_another_model_are_refused(
    callback: type[Callback], words: str, trainer: MakeTrainer
) -> None:
    with pytest.raises(InputError, match=f"{callback.__name__} cannot work here.*{words}"):
        checked(trainer, callback())


def best_is(monitor: str, *callbacks: Callback, checkpointing: bool = True) -> bool:
    data = TinyData()
    data.setup()
    settings = SimpleNamespace(limit_val_batches=1.0, enable_checkpointing=checkpointing)
    return best_is_highest(monitor, tiny_model(), data, settings, callbacks)


UNDER_ATTACK = RobustEvaluation([Attack(0.02)])


def test_robust_validation_is_watched(trainer: MakeTrainer) -> None:
    assert best_is("val/score")
    assert best_is("val/robust/inf-0.02/score", UNDER_ATTACK)
    assert not best_is("val/robust/inf-0.02/size/mae", UNDER_ATTACK)
    assert not best_is("val/size/mae")
    for kind, mode in ((EarlyStopping, "max"), (ModelCheckpoint, "max")):
        checked(trainer, UNDER_ATTACK, kind(monitor="val/robust/inf-0.02/score", mode=mode))
    schedule = partial(PLATEAU, monitor="val/robust/inf-0.02/size/mae")
    checked(trainer, UNDER_ATTACK, scheduler=schedule)
    wrong = EarlyStopping("val/robust/inf-0.02/score", mode="min")
    with pytest.raises(InputError, match="better when higher; set its mode to max"):
        checked(trainer, UNDER_ATTACK, wrong)


@pytest.mark.parametrize(
    ("monitor", "callbacks", "words"),
    [
        ("val/robust/inf-0.02/score", [], "'val/robust/inf-0.02/score', which is not measured"),
        ("val/robust/inf-0.2/score", [UNDER_ATTACK], "did you mean 'val/robust/inf-0.02/score'"),
        ("val/robust/inf-0.02/mae", [UNDER_ATTACK], "did you mean 'val/robust/inf-0.02/size/mae'"),
        ("train/score", [], "which is not measured"),
        (
            "val/robust/inf-0.02/score",
            [RobustEvaluation([Attack(0.02)], every=2)],
            "does not measure in each validation; set its every to 1",
        ),
    ],
)
def test_what_cannot_choose_the_best_checkpoint_is_refused(
    monitor: str, callbacks: list[Callback], words: str
) -> None:
    with pytest.raises(InputError, match=words):
        best_is(monitor, *callbacks)
    with pytest.raises(InputError, match="enable_checkpointing is false"):
        best_is(monitor, *callbacks, checkpointing=False)
