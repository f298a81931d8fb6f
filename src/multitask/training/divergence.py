"""Losses that are no longer numbers."""

from __future__ import annotations

from collections.abc import Sequence

from lightning.pytorch import LightningModule, Trainer
from torch import Tensor

from multitask.errors import InputError


def refuse_diverged(diverged: Tensor, tasks: Sequence[str], model: LightningModule) -> None:
    """Stop a training in which a task's loss became NaN or infinite.

    Args:
        diverged: whose did, shape ``[tasks]``, bool.
        tasks: their names.
        model: knows where training is.

    Raises:
        InputError: naming the first such task, the step, and the last good checkpoint.
    """
    if bool(diverged.any()):
        task = tasks[diverged.tolist().index(True)]
        raise InputError(
            f"the loss of task '{task}' became NaN or infinite at or before step "
            f"{model.global_step} (epoch {model.current_epoch}); training stopped, and "
            f"{_last_good(model.trainer)}; try a lower learning rate or gradient_clip_val"
        )


def _last_good(trainer: Trainer) -> str:
    # The last checkpoint may be from after the blow-up, the best one is from before it.
    callbacks = sorted(
        trainer.checkpoint_callbacks,
        key=lambda each: getattr(each, "monitor", None) != "val/score",
    )
    kept = [path for each in callbacks if (path := getattr(each, "best_model_path", ""))]
    return f"the last good checkpoint is {kept[0]}" if kept else "no checkpoint was saved yet"
