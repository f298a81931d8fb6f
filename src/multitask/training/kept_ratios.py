"""Checks that a schedule keeps the ratios of different learning rates."""

from __future__ import annotations

import inspect
import math
import warnings
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import torch
from torch.optim import Optimizer
from torch.optim.lr_scheduler import ReduceLROnPlateau

from multitask.checkpoints import Factory
from multitask.errors import InputError
from multitask.training.rates import MULTIPLIER, NAME

BY_GROUP = ("max_lr", "base_lr", "min_lr")
"""Rates among a schedule's arguments for which torch accepts one value for each group."""
TRIED = 10_000
"""Maximum number of steps for trying a schedule; they take at most 0.2 s."""
EXACT = 1e-6
"""Tolerance of rates, relative to the highest rate."""


def multiply_rates(optimizer: Optimizer, settings: str) -> None:
    """Multiply the rate of each group by the group's multiplier.

    Args:
        optimizer: a new optimizer, with one rate for all groups.
        settings: the settings that define the multipliers, for the message.

    Raises:
        InputError: if the optimizer has no rate.
    """
    for group in optimizer.param_groups:
        if MULTIPLIER not in group:
            continue
        if group.get("lr") is None:
            raise InputError(
                f"the optimizer {type(optimizer).__name__} has no lr, which {settings} would "
                "multiply; use another optimizer"
            )
        group["lr"] = group["lr"] * group[MULTIPLIER]


def with_rates_by_group(scheduler: Callable[..., Any], optimizer: Optimizer) -> Callable[..., Any]:
    """Multiply the rates among a schedule's arguments, such as ``max_lr``, for each group.

    Args:
        scheduler: builds the schedule.
        optimizer: an optimizer whose groups have multipliers.
    """
    multipliers = _multipliers(optimizer)
    kind, given = _settings_of(scheduler)
    lists = {
        name: [given[name] * each for each in multipliers]
        for name in BY_GROUP
        if isinstance(given.get(name), int | float) and _takes_list(kind, name)
    }
    return partial(scheduler, **lists) if lists and {*multipliers} != {1} else scheduler


def check_ratios(
    optimizer: Optimizer,
    make_optimizer: Callable[..., Optimizer],
    scheduler: Callable[..., Any],
    settings: str,
) -> None:
    """Reject a schedule that sets rates regardless of the groups' multipliers.

    The schedule is tried on another optimizer with the same groups. A schedule that monitors a
    metric is not tried, since it multiplies rates.

    Args:
        optimizer: an optimizer whose groups have multipliers.
        make_optimizer: builds such an optimizer.
        scheduler: builds the schedule.
        settings: the settings that define the multipliers, for the message.

    Raises:
        InputError: says what to change.
    """
    if {*_multipliers(optimizer)} == {1}:
        return
    groups = [
        {**group, "params": [torch.zeros((1,) * group["params"][0].ndim, requires_grad=True)]}
        for group in optimizer.param_groups
    ]
    for group in groups:
        group.pop("initial_lr", None)
    with warnings.catch_warnings():
        # There are no steps of the optimizer in between.
        warnings.simplefilter("ignore")
        tried = make_optimizer(groups)
        schedule = scheduler(tried)
        found = None if isinstance(schedule, ReduceLROnPlateau) else _furthest_off(tried, schedule)
    if found is not None:
        step, group, ratio = found
        raise InputError(
            f"the scheduler {type(schedule).__name__} sets its own rates, which undoes "
            f"{settings} ({group[NAME]}: {ratio:.4g} of the rate at step {step}, not "
            f"{group[MULTIPLIER]:.4g}); {_advice(type(schedule), _settings_of(scheduler)[1])}"
        )


def _furthest_off(optimizer: Optimizer, schedule: Any) -> tuple[int, dict[str, Any], float] | None:
    """The step with the largest deviation of a group from its rate, the group, and its share."""
    groups = optimizer.param_groups
    base = min(groups, key=lambda group: abs(group[MULTIPLIER] - 1))
    highest = furthest = 0.0
    found = None
    for step in range(TRIED + 1):
        rate = float(base["lr"]) / base[MULTIPLIER]
        highest = max(highest, abs(rate))
        for group in groups:
            off = abs(float(group["lr"]) / group[MULTIPLIER] - rate)
            if off > max(EXACT * highest, furthest):
                furthest = off
                found = step, {**group}, float(group["lr"]) / rate if rate else math.inf
        try:
            schedule.step()
        except Exception:
            # A schedule may end.
            break
    return found


def _advice(kind: type, given: Mapping[str, Any]) -> str:
    if given.get("eta_min"):
        return "set eta_min to 0"
    parameters = inspect.signature(kind).parameters
    names = [name for name in BY_GROUP if name in parameters]
    if names and any(isinstance(given.get(name), list | tuple) for name in names):
        return f"give {names[0]} as one number, which is multiplied for each group"
    other = "use one that multiplies rates, such as CosineAnnealingLR"
    return f"give {' and '.join(names)} as a list or {other}" if names else other


def _multipliers(optimizer: Optimizer) -> list[float]:
    return [group.get(MULTIPLIER, 1) for group in optimizer.param_groups]


def _settings_of(factory: Any) -> tuple[Any, dict[str, Any]]:
    """The class of the objects that a factory builds, and its bound arguments."""
    if isinstance(factory, Factory):
        return _settings_of(factory.make)
    if isinstance(factory, partial):
        # Factories of the command line: a function, followed by the class that it will call.
        inner = factory.args[-1] if factory.args else factory.func
        kind, given = _settings_of(inner)
        return kind, {**given, **factory.keywords}
    return factory, {}


def _takes_list(kind: Any, name: str) -> bool:
    for each in getattr(kind, "__mro__", ()):
        found = inspect.signature(each.__init__).parameters.get(name)
        if found is not None:
            return "list" in str(found.annotation).lower()
    return False
