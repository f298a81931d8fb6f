"""Settings of the optimizer that change when training is resumed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from lightning.pytorch import Callback, LightningModule, Trainer
from torch.optim import Optimizer

from multitask.checkpoints.changes import changes
from multitask.errors import InputError
from multitask.training.rates import MULTIPLIER

GROUPING = ("rates", "layer_decay")
"""Settings that parameters are grouped by, and whose order their state is stored in."""


class ChangedRates(Callback):
    """Makes a resumed training use the current settings of the optimizer, not the checkpoint's.

    A learning rate with a schedule keeps its position in it; the rates of the schedule are scaled.
    The callback has no state.
    """

    def __init__(self) -> None:
        self._changed: list[str] = []

    def on_load_checkpoint(
        self, trainer: Trainer, pl_module: LightningModule, checkpoint: dict[str, Any]
    ) -> None:
        """Find the settings that differ from the checkpoint's."""
        before = checkpoint.get("hyper_parameters") or {}
        for name in GROUPING if before else ():
            if (before.get(name) or None) != (pl_module.hparams.get(name) or None):
                raise InputError(
                    f"model.{name} cannot change in a resumed run, whose optimizer continues with "
                    "its groups of parameters; load the checkpoint's weights into a new run"
                )
        found = changes(before.get("optimizer"), pl_module.hparams.get("optimizer"))
        self._changed = [keys[-1] for keys in found if keys]

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Set them, after Lightning has restored the optimizer."""
        for optimizer in trainer.optimizers:
            for name in self._changed:
                _set(optimizer, name, list(_schedulers(trainer)))
        self._changed = []


def _set(optimizer: Optimizer, name: str, schedulers: list[Any]) -> None:
    if name not in optimizer.defaults:
        return
    value = optimizer.defaults[name]
    first = optimizer.param_groups[0]
    before = first.get("initial_lr", 0) / first.get(MULTIPLIER, 1)
    if name == "lr" and schedulers and before:
        for group in optimizer.param_groups:
            group["lr"] *= value / before
            group["initial_lr"] *= value / before
        for scheduler in schedulers:
            rates = getattr(scheduler, "base_lrs", [])
            scheduler.base_lrs = [rate * value / before for rate in rates]
        return
    if name == "lr":
        for group in optimizer.param_groups:
            group["lr"] = value * group.get(MULTIPLIER, 1)
        return
    # A group keeps settings of its own, such as no weight decay; the first group has none.
    shared = first.get(name)
    for group in optimizer.param_groups:
        if group.get(name) == shared:
            group[name] = value


def _schedulers(trainer: Trainer) -> Iterator[Any]:
    for config in trainer.lr_scheduler_configs:
        yield config.scheduler
        yield from getattr(config.scheduler, "_schedulers", [])
