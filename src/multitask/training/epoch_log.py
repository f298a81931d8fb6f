"""Logging after each epoch: every task's metrics over the split."""

from __future__ import annotations

import warnings
from typing import Any

import torch
from lightning.pytorch import Callback, LightningModule, Trainer
from torch import Tensor


class EpochLog(Callback):
    """Logs the metrics of the training, validation and test split, and stores the latest ones."""

    def __init__(self) -> None:
        self._resumed: dict[str, Any] = {}

    def on_save_checkpoint(
        self, trainer: Trainer, pl_module: LightningModule, checkpoint: dict[str, Any]
    ) -> None:
        """Store the latest metrics, which checkpoints and schedules may monitor."""
        metrics = {name: value.cpu() for name, value in trainer.callback_metrics.items()}
        checkpoint["callbacks"][self.state_key] = {"metrics": metrics}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Restore what `on_save_checkpoint` stored."""
        metrics = state_dict["metrics"].items()
        self._resumed = {name: torch.as_tensor(value) for name, value in metrics}

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Show what was measured before a resume."""
        trainer.callback_metrics.update(self._resumed)
        self._resumed = {}

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Log the training metrics."""
        model: Any = pl_module
        evaluation = model.evaluations.of("train")
        if not evaluation.losses.update_called:
            # An epoch that was resumed at its end has no batch left.
            return
        values = evaluation.compute()
        # All processes have computed the same values, over all samples.
        trainer.callback_metrics.update(values)
        # Not left to Lightning, which logs after the epoch's checkpoint is saved.
        numbers = {name: float(value) for name, value in values.items()}
        for logger in trainer.loggers:
            row = {**numbers, "epoch": trainer.current_epoch}
            logger.log_metrics(row, step=trainer.global_step - 1)

    def on_validation_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Log the validation metrics."""
        self._log(trainer, pl_module, "val")

    def on_test_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Log the test metrics, and the trivial predictor's."""
        self._log(trainer, pl_module, "test")

    def _log(self, trainer: Trainer, model: Any, split: str) -> None:
        values = model.evaluations.of(split).compute()
        if trainer.sanity_checking:
            return
        score = values.pop(f"{split}/score")
        log_reduced(model, values)
        log_reduced(model, {f"{split}/score": score}, prog_bar=split == "val")


def log_reduced(model: LightningModule, values: dict[str, Tensor], prog_bar: bool = False) -> None:
    """Log values that are equal on all processes, so that they need no reduction.

    Args:
        model: the model that logs them.
        values: scalars by name.
        prog_bar: whether the progress bar shows them.
    """
    with warnings.catch_warnings():
        # Lightning warns of the missing reduction when the values are read.
        warnings.filterwarnings("ignore", message=".*sync_dist=True.*")
        model.log_dict(values, prog_bar=prog_bar)
        model.trainer.callback_metrics  # noqa: B018
