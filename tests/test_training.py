"""Settings of the Trainer and the schedule that a model must live with."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import pytest
import torch
from lightning.pytorch import Trainer
from torch import Tensor
from torch.optim.lr_scheduler import ReduceLROnPlateau

from multitask import InputError, MultiTask
from multitask.balancing import Balancer
from multitask.data import DataModule

TinyData = Callable[..., DataModule]
TinyModel = Callable[..., MultiTask]
MakeTrainer = Callable[..., Trainer]

pytestmark = pytest.mark.filterwarnings("ignore")


class Watching(Balancer):
    """Notes when it is called, and whether the losses after a step differ from those before."""

    def __init__(self) -> None:
        super().__init__()
        self.calls: list[str] = []

    def forward(self, losses: Tensor, labelled: Tensor) -> Tensor:
        self.calls.append("forward")
        self.before = losses.detach()
        return losses.sum()

    def after_step(self, losses: Callable[[], Tensor]) -> None:
        self.calls.append("step" if losses().ne(self.before).all() else "step without effect")

    def after_epoch(self) -> None:
        self.calls.append("epoch")


@pytest.mark.parametrize("accumulate", [1, 3])
def test_balancer_is_called_after_each_step_of_the_optimizer_and_each_epoch(
    accumulate: int, tiny_data: TinyData, tiny_model: TinyModel, trainer: MakeTrainer
) -> None:
    balancer = Watching()
    run = trainer(max_epochs=2, accumulate_grad_batches=accumulate)
    run.fit(tiny_model(balancer=balancer), tiny_data())
    steps = [*["forward"] * accumulate, "step"] * (3 // accumulate)
    assert balancer.calls == [*steps, "epoch"] * 2


@pytest.mark.parametrize("every", [0, 1, 2, 100])
def test_any_interval_of_logging_trains_the_same(
    every: int, tiny_data: TinyData, tiny_model: TinyModel, trainer: MakeTrainer
) -> None:
    expected, found = tiny_model(), tiny_model()
    trainer().fit(expected, tiny_data())
    trainer(log_every_n_steps=every).fit(found, tiny_data())
    assert torch.equal(found.heads["kind"].weight, expected.heads["kind"].weight)


def test_plateau_schedule_that_watches_for_the_wrong_direction_is_refused(
    tiny_model: TinyModel,
) -> None:
    with pytest.raises(InputError, match="set its mode to max"):
        tiny_model(scheduler=partial(ReduceLROnPlateau, patience=0)).configure_optimizers()


def test_plateau_schedule_leaves_the_rate_while_the_score_rises(tiny_model: TinyModel) -> None:
    scheduler = partial(ReduceLROnPlateau, patience=0, mode="max")
    schedule = tiny_model(scheduler=scheduler).configure_optimizers()["lr_scheduler"]
    assert schedule["monitor"] == "val/score"
    for score in (0.1, 0.2, 0.3, 0.4):
        schedule["scheduler"].step(score)
    assert schedule["scheduler"].optimizer.param_groups[0]["lr"] == 0.05
