"""Averages of weights whose learning rates differ."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from lightning.pytorch import Callback
from lightning.pytorch.callbacks import StochasticWeightAveraging
from torch.optim import Optimizer

from multitask.errors import InputError
from multitask.training.rates import MULTIPLIER, NAME


def check_averaged_rates(callbacks: Sequence[Callback], optimizer: Optimizer) -> None:
    """Reject an average that would replace differing learning rates by a single one.

    Args:
        callbacks: the user's callbacks.
        optimizer: the optimizer at the start of training.

    Raises:
        InputError: with the learning rates to set.
    """
    groups = optimizer.param_groups
    multipliers = [group.get(MULTIPLIER, 1) for group in groups]
    for each in callbacks:
        if not isinstance(each, StochasticWeightAveraging) or {*multipliers} == {1}:
            continue
        given: Any = each._swa_lrs
        rates = given if isinstance(given, list) else [given] * len(groups)
        bases = [rate / own for rate, own in zip(rates, multipliers, strict=False)]
        if len(rates) == len(groups) and all(math.isclose(base, bases[0]) for base in bases):
            continue
        right = ", ".join(f"{rates[0] * own:.6g}" for own in multipliers)
        names = ", ".join(group[NAME] for group in groups)
        raise InputError(
            "StochasticWeightAveraging sets the learning rates itself, which overrides model.rates "
            f"and model.layer_decay; set swa_lrs to a list, such as [{right}] for {names}, or use "
            "multitask.callbacks.WeightAverage"
        )
