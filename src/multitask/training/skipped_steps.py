"""Batches in which a loss is no longer a number, skipped as far as was asked."""

from __future__ import annotations

from typing import Any

import torch
from lightning.pytorch import Callback, LightningModule, Trainer
from torch import Tensor
from torch.optim import Optimizer

from multitask.errors import InputError
from multitask.training.trial import copied_buffers, put_back


class SkippedSteps(Callback):
    """Counts the batches that are skipped, and leaves no trace of them.

    All processes see the same losses, those of the global batch, and so skip the same batches.

    Args:
        most: how many batches may be skipped in a training.

    Raises:
        InputError: if it is negative.
    """

    def __init__(self, most: int) -> None:
        if most < 0:
            raise InputError(f"skips is {most}; give the number of batches that may be skipped")
        self.most = most
        self.count = 0
        self._of_step: list[bool] = []
        self._buffers: dict[str, Tensor] = {}

    @property
    def is_step_skipped(self) -> bool:
        """Whether nothing was added to the gradients since the optimizer's last step."""
        return bool(self._of_step) and all(self._of_step)

    def state_dict(self) -> dict[str, Any]:
        """How many batches were skipped."""
        return {"count": self.count}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take up what `state_dict` returned."""
        self.count = state_dict["count"]

    def on_train_batch_start(self, trainer: Trainer, pl_module: LightningModule, *_: Any) -> None:
        """Keep what the pass through the network changes."""
        if self.most:
            self._buffers = copied_buffers(pl_module)

    def skips(self, losses: Tensor) -> bool:
        """Decide about a batch.

        Args:
            losses: the tasks', shape ``[tasks]``.

        Returns:
            Whether it is skipped; once as many were as may be, no other is.
        """
        if not self.most:
            return False
        # A GPU has to be waited for in each step: the price of being able to skip.
        is_bad = not bool(losses.isfinite().all()) and self.count < self.most
        self._of_step.append(is_bad)
        self.count += is_bad
        return is_bad

    def no_loss(self, model: LightningModule) -> Tensor:
        """A loss from which every parameter gets a gradient of zero, as strategies expect."""
        put_back(model, self._buffers)
        for logger in model.trainer.loggers:
            row = {"train/skipped_batches": float(self.count), "epoch": model.current_epoch}
            logger.log_metrics(row, step=model.global_step)
        trained = [each for each in model.parameters() if each.requires_grad]
        return torch.stack([each.flatten()[0] * 0 for each in trained]).sum()

    def on_before_optimizer_step(
        self, trainer: Trainer, pl_module: LightningModule, optimizer: Optimizer
    ) -> None:
        """Take the gradients away if they are of nothing, so that the optimizer changes nothing."""
        if self.is_step_skipped:
            optimizer.zero_grad(set_to_none=True)

    def after_step(self) -> None:
        """Begin to gather the next step's batches."""
        self._of_step = []
