"""Learning rate schedules whose length is that of the run, without a number for it."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from functools import partial
from math import ceil, inf
from typing import Any, Literal

from lightning.pytorch import Callback, LightningModule, Trainer
from lightning.pytorch.callbacks import GradientAccumulationScheduler
from lightning.pytorch.utilities import rank_zero_warn
from torch.optim import lr_scheduler

from multitask.checkpoints import Factory
from multitask.checkpoints.changes import RUN
from multitask.errors import InputError

LENGTHS: dict[type, str] = {
    lr_scheduler.CosineAnnealingLR: "T_max",
    lr_scheduler.CosineAnnealingWarmRestarts: "T_0",
    lr_scheduler.OneCycleLR: "total_steps",
    lr_scheduler.LinearLR: "total_iters",
    lr_scheduler.PolynomialLR: "total_iters",
    lr_scheduler.ConstantLR: "total_iters",
}
"""The argument for the length of a schedule, which it stores as an attribute."""
NAMES = tuple(dict.fromkeys(LENGTHS.values()))
LEAST = 1e-6
"""Fraction of the initial rate below which training does not progress."""
STEERED = ("lr", "initial_lr", "max_lr", "min_lr", "momentum", "betas", "base_momentum")
"""Entries of an optimizer's groups that schedules change."""


def accept_run() -> None:
    """Let torch's schedules declare that they accept ``run``, so that configurations may use it."""
    for kind, name in LENGTHS.items():
        constructor: Any = vars(kind)["__init__"]
        allowed = int | None if kind is lr_scheduler.OneCycleLR else int
        constructor.__annotations__[name] = allowed | Literal["run"]


accept_run()


def length_of_run(trainer: Trainer, data: Any, interval: str) -> int | None:
    """The number of times that a schedule is stepped in the whole training.

    Args:
        trainer: the Trainer.
        data: a `multitask.data.DataModule`.
        interval: ``step`` (of the optimizer) or ``epoch``.

    Returns:
        The number; None for a training without an end.
    """
    batches, limit = len(data.train_dataloader()), trainer.limit_train_batches
    batches = min(batches, limit) if isinstance(limit, int) else int(batches * limit)
    epochs = inf if trainer.max_epochs in (None, -1) else trainer.max_epochs
    steps = inf if trainer.max_steps in (None, -1) else trainer.max_steps
    if batches == 0 or epochs == steps == inf:
        return None
    callbacks: list[Callback] = trainer.callbacks  # type: ignore[attr-defined]
    schedules = [each for each in callbacks if isinstance(each, GradientAccumulationScheduler)]
    epoch = taken = 0
    while epoch < epochs and taken < steps:
        accumulated = trainer.accumulate_grad_batches
        for each in schedules:
            accumulated = each.get_accumulate_grad_batches(epoch)
        taken, epoch = taken + ceil(batches / accumulated), epoch + 1
    return epoch if interval == "epoch" else int(min(taken, steps))


def is_as_long_as_run(factory: Callable[..., Any] | None) -> bool:
    """Whether a schedule's length is that of the run.

    Args:
        factory: builds the schedule, if there is one.
    """
    return RUN in _bound(factory).values()


def with_length(factory: Callable[..., Any], length: int | None) -> Callable[..., Any]:
    """Replace ``run`` by the length of the run.

    Args:
        factory: builds the schedule.
        length: see `length_of_run`.

    Raises:
        InputError: if the length is needed and the run has none.
    """
    asked = [name for name, value in _bound(factory).items() if value == RUN]
    if not asked:
        return factory
    if length is None:
        raise InputError(
            f"the scheduler's {asked[0]} is run, but the end of the run is not set; set "
            "trainer.max_epochs or trainer.max_steps, or give a number"
        )
    return partial(factory, **dict.fromkeys(asked, length))


def _bound(factory: Any) -> dict[str, Any]:
    made = factory.make if isinstance(factory, Factory) else factory
    return made.keywords if isinstance(made, partial) else {}


def check_length_of_schedule(schedule: Any, length: int | None, interval: str) -> None:
    """Warn that the length of a schedule differs from that of the run.

    Args:
        schedule: the schedule.
        length: see `length_of_run`.
        interval: ``step`` or ``epoch``.

    Raises:
        InputError: if the schedule cannot be stepped as many times as the run would.
    """
    if length is None:
        return
    kind = type(schedule).__name__
    if (outcome := _outcome_of_decay(schedule, length, interval)) is not None:
        rank_zero_warn(f"the scheduler {kind} has {length} {interval}s in the run, {outcome}")
    name = next((each for each in NAMES if isinstance(getattr(schedule, each, None), int)), None)
    if name is None:
        return
    own = int(getattr(schedule, name))
    said = f"the scheduler {kind} is {own} {interval}s long ({name}), but the run has {length}"
    if isinstance(schedule, lr_scheduler.OneCycleLR) and own < length:
        raise InputError(f"{said}, for which it cannot be stepped; set {name} to run")
    if (outcome := _outcome(schedule, own, length)) is not None:
        rank_zero_warn(f"{said}, so {outcome}; set {name} to run if this is not intended")


def _outcome(schedule: Any, own: int, length: int) -> str | None:
    """The effect of a schedule whose length differs from the run's; None if that is usual."""
    if isinstance(schedule, lr_scheduler.CosineAnnealingWarmRestarts):
        end = schedule.T_0
        cycle = end
        while end < length:
            cycle *= schedule.T_mult
            end += cycle
        return None if end == length else "it ends in the middle of a cycle, at a high rate"
    if own > length:
        return "it ends before the rate reaches its final value"
    is_warm_up = isinstance(schedule, lr_scheduler.ConstantLR) or (
        isinstance(schedule, lr_scheduler.LinearLR) and schedule.end_factor >= schedule.start_factor
    )
    if own == length or is_warm_up:
        return None
    if isinstance(schedule, lr_scheduler.CosineAnnealingLR):
        return "the rate rises again after them"
    if isinstance(schedule, lr_scheduler.PolynomialLR):
        return "the rate is 0 after them"
    return "the rate stays as it is after them"


def _outcome_of_decay(schedule: Any, length: int, interval: str) -> str | None:
    """The effect of a schedule that lowers the rate at fixed times; None if that is usual."""
    if isinstance(schedule, lr_scheduler.MultiStepLR):
        times = sorted(schedule.milestones.elements())
    elif isinstance(schedule, lr_scheduler.StepLR):
        size = schedule.step_size
        times = list(range(size, length, size)) or [size]
    elif isinstance(schedule, lr_scheduler.ExponentialLR):
        times = list(range(1, length))
    else:
        return None
    if times and times[-1] >= length:
        return f"so it has no effect at {times[-1]}"
    factor = schedule.gamma ** len(times)
    if factor >= LEAST:
        return None
    advice = "; set model.scheduler_interval to epoch to count epochs" * (interval == "step")
    return f"after which the rate is {factor:.0e} of what it was{advice}"


class RunLength(Callback):
    """Adapts a schedule of the length of the run if it is resumed with another length.

    The rate continues as if the run had had its new length from the start. It has no state.
    """

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Compare the schedule of the checkpoint with the run."""
        model: Any = pl_module
        if not trainer.lr_scheduler_configs or not is_as_long_as_run(model.scheduler):
            return
        restored: Any = trainer.lr_scheduler_configs[0].scheduler
        configured = model.configure_optimizers()
        fresh = configured["lr_scheduler"]["scheduler"]
        lengths = [[getattr(each, name, None) for name in NAMES] for each in (restored, fresh)]
        # Weight averaging ends with its own schedule.
        if lengths[0] == lengths[1] or type(restored) is not type(fresh):
            return
        with warnings.catch_warnings():
            # There are no steps of the optimizer before these.
            warnings.simplefilter("ignore")
            for _ in range(restored.last_epoch):
                fresh.step()
        restored.load_state_dict(fresh.state_dict())
        groups = zip(
            trainer.optimizers[0].param_groups, configured["optimizer"].param_groups, strict=True
        )
        for group, found in groups:
            group.update({key: found[key] for key in STEERED if key in found})
