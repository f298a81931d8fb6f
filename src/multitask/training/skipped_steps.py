"""Batches in which a loss is no longer a number, left out of training as far as was asked."""

from __future__ import annotations

import torch
from lightning.pytorch import LightningModule
from torch import Tensor, nn
from torch.optim import Optimizer

from multitask.errors import InputError


class SkippedSteps:
    """Counts the batches that are left out, and leaves no trace of them.

    All processes see the same losses, those of the global batch, and so leave out the same.

    Args:
        most: how many batches may be left out in a training.

    Raises:
        InputError: if it is negative.
    """

    def __init__(self, most: int) -> None:
        if most < 0:
            raise InputError(f"skips is {most}; give the number of batches that may be left out")
        self.most = most
        self.count = 0
        self._of_step: list[bool] = []
        self._buffers: dict[str, Tensor] = {}

    @property
    def is_step_left_out(self) -> bool:
        """Whether nothing has come to the gradients since the optimizer's last step."""
        return bool(self._of_step) and all(self._of_step)

    def before_batch(self, model: nn.Module) -> None:
        """Keep what the pass through the network changes, such as batch norm's averages."""
        if self.most:
            self._buffers = {name: values.clone() for name, values in model.named_buffers()}

    def leaves_out(self, losses: Tensor) -> bool:
        """Decide about a batch.

        Args:
            losses: the tasks', shape ``[tasks]``.

        Returns:
            Whether it is left out; once as many were as may be, no other is.
        """
        if not self.most:
            return False
        # Asked in each step, for which a GPU has to be waited for: the price of being able to skip.
        is_bad = not bool(losses.isfinite().all()) and self.count < self.most
        self._of_step.append(is_bad)
        self.count += is_bad
        return is_bad

    def no_loss(self, model: LightningModule) -> Tensor:
        """A loss from which every parameter gets a gradient of zero, as strategies expect."""
        buffers = dict(model.named_buffers())
        with torch.no_grad():
            for name, values in self._buffers.items():
                buffers[name].copy_(values)
        for logger in model.trainer.loggers:
            row = {"train/skipped_batches": float(self.count), "epoch": model.current_epoch}
            logger.log_metrics(row, step=model.global_step)
        trained = [each for each in model.parameters() if each.requires_grad]
        return torch.stack([each.flatten()[0] * 0 for each in trained]).sum()

    def before_step(self, optimizer: Optimizer) -> None:
        """Take the gradients away if they are of nothing, so that the optimizer changes nothing."""
        if self.is_step_left_out:
            optimizer.zero_grad(set_to_none=True)

    def after_step(self) -> None:
        """Begin to gather the next step's batches."""
        self._of_step = []
