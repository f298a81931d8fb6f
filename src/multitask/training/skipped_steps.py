"""Skipping of batches with a loss that is NaN or infinite, up to a limit."""

from __future__ import annotations

from typing import Any

import torch
from lightning.pytorch import Callback, LightningModule, Trainer
from torch import Tensor
from torch.optim import Optimizer

from multitask.errors import InputError
from multitask.training.trial import KeptBuffers


class SkippedSteps(Callback):
    """Counts the skipped batches, and removes their effects.

    All processes see the same losses, those of the global batch, and so skip the same batches.

    Args:
        most: maximum number of batches that may be skipped in a training.

    Raises:
        InputError: if it is negative.
    """

    def __init__(self, most: int) -> None:
        if most < 0:
            raise InputError(f"skips is {most}; give the number of batches that may be skipped")
        self.most = most
        self.count = 0
        self._of_step: list[bool] = []
        self._buffers = KeptBuffers([])

    @property
    def is_step_skipped(self) -> bool:
        """Whether nothing was added to the gradients since the optimizer's last step."""
        return bool(self._of_step) and all(self._of_step)

    def state_dict(self) -> dict[str, Any]:
        """The number of skipped batches."""
        return {"count": self.count}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Restore the return value of `state_dict`."""
        self.count = state_dict["count"]

    def on_train_batch_start(self, trainer: Trainer, pl_module: LightningModule, *_: Any) -> None:
        """Store the state that the forward pass changes."""
        if self.most:
            self._buffers = KeptBuffers(pl_module.modules())

    def skips(self, losses: Tensor) -> bool:
        """Decide whether to skip a batch.

        Args:
            losses: losses of the tasks, shape ``[tasks]``.

        Returns:
            Whether it is skipped; always false once the limit is reached.
        """
        if not self.most:
            return False
        # A GPU must synchronise in each step, which is the price of being able to skip.
        is_bad = not bool(losses.isfinite().all()) and self.count < self.most
        self._of_step.append(is_bad)
        self.count += is_bad
        return is_bad

    def no_loss(self, model: LightningModule) -> Tensor:
        """A loss that gives every parameter a gradient of zero, as strategies expect."""
        self._buffers.put_back()
        for logger in model.trainer.loggers:
            row = {"train/skipped_batches": float(self.count), "epoch": model.current_epoch}
            logger.log_metrics(row, step=model.global_step)
        trained = [each for each in model.parameters() if each.requires_grad]
        return torch.stack([each.flatten()[0] * 0 for each in trained]).sum()

    def on_before_optimizer_step(
        self, trainer: Trainer, pl_module: LightningModule, optimizer: Optimizer
    ) -> None:
        """Remove the gradients if all batches were skipped, so that nothing is updated."""
        if self.is_step_skipped:
            optimizer.zero_grad(set_to_none=True)

    def after_step(self) -> None:
        """Start to collect the batches of the next step."""
        self._of_step = []
