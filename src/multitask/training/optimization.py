"""The optimizer and its learning rate schedule."""

from __future__ import annotations

import inspect
import math
import warnings
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import TYPE_CHECKING, Any, Literal

from lightning.pytorch import Trainer
from torch import Tensor
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler, ReduceLROnPlateau

from multitask.errors import InputError, settings_blamed
from multitask.training.kept_ratios import check_ratios, multiply_rates, with_rates_by_group
from multitask.training.parameter_groups import parameter_groups
from multitask.training.schedule_length import (
    check_length_of_schedule,
    is_as_long_as_run,
    length_of_run,
    with_length,
)

if TYPE_CHECKING:
    from multitask.module import MultiTask

OptimizerCallable = Callable[[Iterable[Any]], Optimizer]
SchedulerCallable = Callable[[Optimizer], LRScheduler | ReduceLROnPlateau]
Interval = Literal["step", "epoch"]


def optimizer_and_schedule(
    model: MultiTask, trainer: Trainer | None = None, data: Any = None
) -> Any:
    """Build a model's optimizer and its schedule, in Lightning's format.

    Args:
        model: the model, with its factories ``optimizer`` and ``scheduler``.
        trainer: the Trainer, which determines the length of the run; default: the model's own.
        data: the data, which determine the length of an epoch; default: the Trainer's own.

    Raises:
        InputError: if their settings are invalid.
    """
    rates = model.rates
    groups = parameter_groups(model, model.balancer, rates)
    optimizer = made("optimizer", model.optimizer, groups)
    multiply_rates(optimizer, rates.settings)
    scheduler: Any = model.scheduler
    interval = model.scheduler_interval
    if is_as_long_as_run(scheduler):
        trainer = trainer or model.trainer
        length = length_of_run(trainer, data or trainer.datamodule, interval)  # type: ignore[attr-defined]
        scheduler = with_length(scheduler, length)
    if scheduler is not None and rates.settings:
        scheduler = with_rates_by_group(scheduler, optimizer)
        # Before the schedule is built, which may change the groups.
        trial = partial(made, "scheduler", scheduler)
        check_ratios(optimizer, model.optimizer, trial, rates.settings)
    return scheduled(optimizer, scheduler, interval)


def try_optimizer(model: MultiTask, trainer: Trainer, data: Any) -> Any:
    """Reject an optimizer and a schedule that cannot work, before training.

    Args:
        model: the model.
        trainer: the Trainer that will train it.
        data: the data.

    Returns:
        The return value of `optimizer_and_schedule`.

    Raises:
        InputError: if their settings are invalid, or invalid for a run of that length.
    """
    configured = optimizer_and_schedule(model, trainer, data)
    schedule = configured["lr_scheduler"]["scheduler"] if isinstance(configured, dict) else None
    if schedule is None or isinstance(schedule, ReduceLROnPlateau):
        return configured
    with warnings.catch_warnings():
        # PyTorch warns that the optimizer has not stepped yet.
        warnings.simplefilter("ignore")
        made("scheduler", schedule.step)
    if not trainer.fast_dev_run:  # type: ignore[attr-defined]
        interval = model.scheduler_interval
        check_length_of_schedule(schedule, length_of_run(trainer, data, interval), interval)
    return configured


def made(kind: str, factory: Callable[..., Any], *arguments: Any) -> Any:
    """Build an optimizer or a schedule.

    Args:
        kind: its name in messages.
        factory: builds it.
        arguments: arguments of the factory.

    Raises:
        InputError: if its settings are invalid.
    """
    what = f"the {kind} cannot work as configured"
    try:
        with settings_blamed(what):
            result = factory(*arguments)
    except InputError as error:
        sentence = str(error)
        raise InputError(sentence if what in sentence else f"{what}: {sentence}") from error
    for name, value in _settings(result):
        if not all(map(math.isfinite, _numbers(value))):
            raise InputError(
                f"the {kind} {type(result).__name__} cannot work as configured: {name} is {value}; "
                "give a finite number"
            )
    return result


def _settings(made: Any) -> Iterator[tuple[str, Any]]:
    """The settings of an optimizer or a schedule that it stores."""
    optimizer = made if isinstance(made, Optimizer) else getattr(made, "optimizer", None)
    for group in getattr(optimizer, "param_groups", []):
        yield from ((name, value) for name, value in group.items() if name != "params")
    # By its arguments, because a schedule has other numbers that start as infinite.
    if isinstance(made, LRScheduler | ReduceLROnPlateau):
        for name in inspect.signature(type(made)).parameters:
            yield name, getattr(made, name, None)


def _numbers(value: Any) -> list[float]:
    values = value if isinstance(value, list | tuple) else [value]
    return [float(each) for each in values if isinstance(each, float | Tensor)]


def scheduled(optimizer: Optimizer, scheduler: SchedulerCallable | None, interval: Interval) -> Any:
    """Combine an optimizer and its schedule, in Lightning's format.

    Args:
        optimizer: the optimizer.
        scheduler: builds the schedule, if there is one.
        interval: whether the schedule counts optimizer steps or epochs; one that monitors a metric
            is stepped after each epoch.

    Raises:
        InputError: if the schedule monitors ``val/score`` in the wrong direction.
    """
    if scheduler is None:
        return optimizer
    schedule: dict[str, Any] = {
        "scheduler": made("scheduler", scheduler, optimizer),
        "interval": interval,
    }
    if isinstance(schedule["scheduler"], ReduceLROnPlateau):
        schedule |= {"monitor": _monitored(schedule["scheduler"]), "interval": "epoch"}
    return {"optimizer": optimizer, "lr_scheduler": schedule}


def _monitored(scheduler: ReduceLROnPlateau) -> str:
    monitor = getattr(scheduler, "monitor", None)
    if monitor is None and scheduler.mode == "min":
        raise InputError(
            "ReduceLROnPlateau watches val/score, which is better when higher; set its mode to max"
        )
    return monitor or "val/score"
