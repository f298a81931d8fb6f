"""Losses that are NaN or infinite."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from lightning.pytorch import Callback, LightningModule, Trainer
from torch import Tensor

from multitask.errors import InputError


class Divergence(Callback):
    """Stops training when a task's loss becomes NaN or infinite.

    Each step records it on the device. On a CPU training stops at once; on a GPU, which would have
    to synchronise, it stops when something is logged, at the end of the epoch or before a
    checkpoint is saved.

    Args:
        tasks: names of the tasks.
    """

    def __init__(self, tasks: Iterable[str]) -> None:
        self.tasks = list(tasks)
        self.diverged = torch.zeros(len(self.tasks), dtype=torch.bool)

    def see(self, losses: Tensor, model: LightningModule) -> None:
        """Record which losses are NaN or infinite.

        Args:
            losses: losses of the tasks, shape ``[tasks]``.
            model: see `refuse`.
        """
        self.diverged = self.diverged.to(losses.device) | ~losses.detach().isfinite()
        if losses.device.type == "cpu":
            self.refuse(model)

    def refuse_now(self, losses: Tensor, model: LightningModule) -> None:
        """Stop if one of these losses, or an earlier one, has diverged; see `see` and `refuse`."""
        self.see(losses, model)
        self.refuse(model)

    def refuse(self, model: LightningModule) -> None:
        """Stop if a loss has diverged.

        Args:
            model: the model, whose Trainer stores the progress.

        Raises:
            InputError: names the first such task, the step, and the last good checkpoint.
        """
        if bool(self.diverged.any()):
            task = self.tasks[self.diverged.tolist().index(True)]
            raise InputError(
                f"the loss of task '{task}' became NaN or infinite at or before step "
                f"{model.global_step} (epoch {model.current_epoch}); training stopped, and "
                f"{_last_good(model.trainer)}; try a lower learning rate or gradient_clip_val"
            )

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Stop at the end of the epoch at the latest."""
        self.refuse(pl_module)


def _last_good(trainer: Trainer) -> str:
    # The last checkpoint may be from after the divergence; the best one is from before it.
    callbacks = sorted(
        trainer.checkpoint_callbacks,
        key=lambda each: _rank(getattr(each, "monitor", None)),
    )
    kept = [path for each in callbacks if (path := getattr(each, "best_model_path", ""))]
    return f"the last good checkpoint is {kept[0]}" if kept else "no checkpoint was saved yet"


def _rank(monitor: str | None) -> int:
    return 0 if monitor == "val/score" else 1 if monitor is not None else 2
