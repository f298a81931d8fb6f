"""The optimizer and its learning rate schedule."""

from __future__ import annotations

import inspect
import math
import warnings
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any, Literal

from lightning.pytorch import Trainer
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler, ReduceLROnPlateau

from multitask.balancing import Balancer
from multitask.errors import InputError, settings_blamed
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
    """Build a model's optimizer and its schedule, in Lightning's words.

    Args:
        model: the model, whose ``optimizer`` and ``scheduler`` make them.
        trainer: knows how long the run is; default: the model's own.
        data: the data, which know how long an epoch is; default: the Trainer's own.

    Raises:
        InputError: if their settings cannot be.
    """
    groups = parameter_groups(model, model.balancer)
    optimizer = made("optimizer", model.optimizer, groups)
    scheduler: Any = model.scheduler
    interval = model.scheduler_interval
    if is_as_long_as_run(scheduler):
        trainer = trainer or model.trainer
        length = length_of_run(trainer, data or trainer.datamodule, interval)  # type: ignore[attr-defined]
        scheduler = with_length(scheduler, length)
    return scheduled(optimizer, scheduler, interval)


def try_optimizer(model: MultiTask, trainer: Trainer, data: Any) -> Any:
    """Refuse an optimizer and a schedule that cannot work, before training.

    Args:
        model: the model.
        trainer: the Trainer that will train it.
        data: the data.

    Returns:
        What `optimizer_and_schedule` does.

    Raises:
        InputError: if their settings cannot be, or not for a run of that length.
    """
    configured = optimizer_and_schedule(model, trainer, data)
    schedule = configured["lr_scheduler"]["scheduler"] if isinstance(configured, dict) else None
    if schedule is None or isinstance(schedule, ReduceLROnPlateau):
        return configured
    with warnings.catch_warnings():
        # No step of the optimizer comes before it.
        warnings.simplefilter("ignore")
        made("scheduler", schedule.step)
    if not trainer.fast_dev_run:  # type: ignore[attr-defined]
        interval = model.scheduler_interval
        check_length_of_schedule(schedule, length_of_run(trainer, data, interval), interval)
    return configured


def parameter_groups(model: nn.Module, balancer: Balancer) -> list[dict[str, Any]]:
    """Group what an optimizer updates.

    Args:
        model: the model, the balancer included.
        balancer: its parameters get no weight decay, which would pull the weights to each other;
            those that it updates itself are left out.
    """
    kept = balancer.keeps_for_itself()
    balancing = dict(balancer.named_parameters())
    own = [parameter for name, parameter in balancing.items() if name not in kept]
    ids = {id(parameter) for parameter in balancing.values()}
    rest = [parameter for parameter in model.parameters() if id(parameter) not in ids]
    return [{"params": rest}] + ([{"params": own, "weight_decay": 0.0}] if own else [])


def made(kind: str, factory: Callable[..., Any], *arguments: Any) -> Any:
    """Make an optimizer or a schedule.

    Args:
        kind: what it is called in messages.
        factory: makes it.
        arguments: what the factory takes.

    Raises:
        InputError: if its settings cannot be.
    """
    what = f"the {kind} cannot work as set"
    try:
        with settings_blamed(what):
            result = factory(*arguments)
    except InputError as error:
        sentence = str(error)
        raise InputError(sentence if what in sentence else f"{what}: {sentence}") from error
    for name, value in _settings(result):
        if not all(map(math.isfinite, _numbers(value))):
            raise InputError(
                f"the {kind} {type(result).__name__} cannot work as set: {name} is {value}; give a "
                "finite number"
            )
    return result


def _settings(made: Any) -> Iterator[tuple[str, Any]]:
    """What an optimizer or a schedule was made with, as far as it keeps it."""
    optimizer = made if isinstance(made, Optimizer) else getattr(made, "optimizer", None)
    for group in getattr(optimizer, "param_groups", []):
        yield from ((name, value) for name, value in group.items() if name != "params")
    # By its arguments, because a schedule has other numbers that begin infinite.
    if isinstance(made, LRScheduler | ReduceLROnPlateau):
        for name in inspect.signature(type(made)).parameters:
            yield name, getattr(made, name, None)


def _numbers(value: Any) -> list[float]:
    values = value if isinstance(value, list | tuple) else [value]
    return [float(each) for each in values if isinstance(each, float | Tensor)]


def scheduled(optimizer: Optimizer, scheduler: SchedulerCallable | None, interval: Interval) -> Any:
    """Give an optimizer its schedule, in Lightning's words.

    Args:
        optimizer: the optimizer.
        scheduler: makes the schedule, if there is one.
        interval: whether the schedule counts optimizer steps or epochs; one that watches a metric
            looks at it after each epoch.

    Raises:
        InputError: if the schedule watches ``val/score`` for the wrong direction.
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
