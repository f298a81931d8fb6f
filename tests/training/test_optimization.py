"""Settings of optimizers and schedules that are no finite numbers."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
import torch
from tiny_training import tiny_model
from torch.optim import SGD, Adam, AdamW
from torch.optim.lr_scheduler import CosineAnnealingLR, ReduceLROnPlateau, StepLR

from multitask.errors import InputError


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, -1.0])
@pytest.mark.parametrize(
    "optimizer",
    [
        lambda value: partial(SGD, lr=value),
        lambda value: partial(AdamW, lr=value),
        lambda value: partial(SGD, lr=0.1, weight_decay=value),
        lambda value: partial(Adam, lr=0.1, eps=value),
        lambda value: partial(Adam, lr=torch.tensor(value)),
    ],
)
def test_an_optimizer_with_numbers_that_cannot_be_is_blamed(
    value: float, optimizer: Callable[[float], Any]
) -> None:
    with pytest.raises(InputError, match=r"optimizer .*cannot work as configured"):
        tiny_model(optimizer=optimizer(value)).configure_optimizers()


@pytest.mark.parametrize("value", [math.nan, math.inf])
@pytest.mark.parametrize(
    "scheduler",
    [
        lambda value: partial(CosineAnnealingLR, T_max=10, eta_min=value),
        lambda value: partial(StepLR, step_size=1, gamma=value),
        lambda value: partial(ReduceLROnPlateau, mode="max", threshold=value),
    ],
)
def test_a_schedule_with_numbers_that_cannot_be_is_blamed(
    value: float, scheduler: Callable[[float], Any]
) -> None:
    with pytest.raises(InputError, match=rf"scheduler \w+ cannot work .*: \w+ is {value}"):
        tiny_model(scheduler=scheduler(value)).configure_optimizers()


def test_settings_that_can_be_are_taken() -> None:
    tiny_model(
        optimizer=partial(Adam, lr=torch.tensor(0.1)),
        scheduler=partial(ReduceLROnPlateau, mode="max"),
    ).configure_optimizers()
