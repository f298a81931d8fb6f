"""Schedules with rates that differ: the ratio is kept, or the schedule is refused."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import lightning.pytorch.cli as lightning_cli
import pytest
from lightning.pytorch.callbacks import StochasticWeightAveraging
from tiny_training import tiny_model
from torch.optim import LBFGS, SGD, Optimizer
from torch.optim.lr_scheduler import (
    ConstantLR,
    CosineAnnealingLR,
    CosineAnnealingWarmRestarts,
    CyclicLR,
    ExponentialLR,
    LambdaLR,
    LinearLR,
    LRScheduler,
    MultiStepLR,
    OneCycleLR,
    PolynomialLR,
    ReduceLROnPlateau,
    SequentialLR,
    StepLR,
)
from torch.optim.swa_utils import SWALR

from multitask.errors import InputError
from multitask.runs.averaged_rates import check_averaged_rates
from multitask.training.kept_ratios import multiply_rates


class Absolute(LRScheduler):
    """A stranger's schedule: one rate for all, which falls from the first step on."""

    def get_lr(self) -> list[float]:
        return [0.1 / (1 + self.last_epoch) for _ in self.base_lrs]


def configured(scheduler: Any, **arguments: Any) -> tuple[Optimizer, Any]:
    made = tiny_model(rates={"encoder": 0.1}, scheduler=scheduler, **arguments)
    found = made.configure_optimizers()
    return found["optimizer"], found["lr_scheduler"]["scheduler"]


def ratios(optimizer: Optimizer, schedule: Any, steps: int) -> list[float]:
    encoder, others = optimizer.param_groups
    found = []
    for _ in range(steps):
        if others["lr"]:
            found.append(encoder["lr"] / others["lr"])
        schedule.step(0.0) if isinstance(schedule, ReduceLROnPlateau) else schedule.step()
    return found


@pytest.mark.parametrize(
    "scheduler",
    [
        partial(CosineAnnealingLR, T_max=25),
        partial(CosineAnnealingWarmRestarts, T_0=7),
        partial(LinearLR, total_iters=9),
        partial(ConstantLR, total_iters=9),
        partial(PolynomialLR, total_iters=25),
        partial(ExponentialLR, gamma=0.9),
        partial(StepLR, step_size=3),
        partial(MultiStepLR, milestones=[3, 8]),
        partial(OneCycleLR, max_lr=1, total_steps=25),
        partial(CyclicLR, base_lr=0.01, max_lr=1.0, step_size_up=4),
        partial(OneCycleLR, max_lr=[0.1, 1.0], total_steps=25),
        partial(ReduceLROnPlateau, mode="max", patience=0, min_lr=1e-3),
        partial(lightning_cli.ReduceLROnPlateau, monitor="val/score", patience=0, min_lr=1e-3),
    ],
)
def test_schedules_keep_the_ratio(scheduler: Any) -> None:
    optimizer, schedule = configured(scheduler)
    found = ratios(optimizer, schedule, 20)
    assert found == pytest.approx([0.1] * len(found), rel=1e-6)


def test_a_warm_up_from_zero_keeps_the_ratio() -> None:
    with pytest.warns(match="scheduler"):
        optimizer, schedule = configured(partial(LambdaLR, lr_lambda=lambda step: step / 10))
    found = ratios(optimizer, schedule, 20)
    assert found == pytest.approx([0.1] * 19)


def warmed_up(optimizer: Optimizer) -> SequentialLR:
    parts = [LinearLR(optimizer, total_iters=5), CosineAnnealingLR(optimizer, 10, eta_min=1e-3)]
    return SequentialLR(optimizer, parts, milestones=[5])


@pytest.mark.filterwarnings("ignore:the model's checkpoints")
@pytest.mark.parametrize(
    ("scheduler", "advice"),
    [
        (partial(CosineAnnealingLR, T_max=25, eta_min=1e-4), "set eta_min to 0"),
        (partial(CosineAnnealingWarmRestarts, T_0=7, eta_min=1e-4), "set eta_min to 0"),
        (partial(OneCycleLR, max_lr=[1.0, 1.0], total_steps=25), "give max_lr as one number"),
        (lambda each: OneCycleLR(each, 1.0, total_steps=25), "give max_lr as a list or use one"),
        (partial(SWALR, swa_lr=0.05), "use one that multiplies rates"),
        (partial(LambdaLR, lr_lambda=[lambda _: 1.0, lambda _: 0.5]), "use one that multiplies"),
        (warmed_up, "use one that multiplies rates"),
        (Absolute, "use one that multiplies rates"),
    ],
)
@pytest.mark.filterwarnings("ignore")
def test_schedules_with_rates_of_their_own_are_refused(scheduler: Any, advice: str) -> None:
    sentence = r"sets its own rates, which undoes model\.rates \(encoder: .*, not 0\.1\); "
    with pytest.raises(InputError, match=sentence + advice):
        configured(scheduler)
    # They are as good as before where rates do not differ.
    if not isinstance(getattr(scheduler, "keywords", {}).get("lr_lambda"), list):
        is_of_two = isinstance(getattr(scheduler, "keywords", {}).get("max_lr"), list)
        assert is_of_two or tiny_model(scheduler=scheduler).configure_optimizers()


def test_optimizers_without_groups_or_without_a_rate_are_refused() -> None:
    with pytest.raises(InputError, match="per-parameter options"):
        configured(None, optimizer=partial(LBFGS, lr=0.1))
    parameters = list(tiny_model().parameters())
    optimizer = SGD([{"params": parameters, "multiplier": 0.1, "name": "encoder"}])
    optimizer.param_groups[0]["lr"] = None
    with pytest.raises(InputError, match=r"SGD has no lr, which model\.rates would multiply"):
        multiply_rates(optimizer, "model.rates")


def test_an_average_with_one_rate_for_all_is_refused(tmp_path: Path) -> None:
    optimizer, _ = configured(partial(CosineAnnealingLR, T_max=25))
    right = r"set swa_lrs to a list, such as \[0\.005, 0\.05\] for encoder, others"
    for rates in (0.05, [0.05, 0.05][:1], [0.05, 0.05]):
        average = StochasticWeightAveraging(swa_lrs=rates)
        with pytest.raises(InputError, match="which overrides"):
            check_averaged_rates([average], optimizer)
    with pytest.raises(InputError, match=right):
        check_averaged_rates([StochasticWeightAveraging(swa_lrs=0.05)], optimizer)
    check_averaged_rates([StochasticWeightAveraging(swa_lrs=[0.005, 0.05])], optimizer)
    check_averaged_rates([StochasticWeightAveraging(swa_lrs=0.05)], SGD(tiny_model().parameters()))
