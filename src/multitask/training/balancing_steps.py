"""Calls to a balancer before steps, after backward passes and after epochs."""

from __future__ import annotations

from typing import Any

from lightning.pytorch import Callback, LightningModule, Trainer

from multitask.training.look import Look


class BalancingSteps(Callback):
    """Calls the balancer's hooks; the state of the balancer is in the model's ``state_dict``."""

    def on_train_batch_start(
        self, trainer: Trainer, pl_module: LightningModule, batch: Any, batch_idx: int
    ) -> None:
        """Let the balancer look ahead once for each optimizer step, at the first of its batches."""
        model: Any = pl_module
        if batch_idx % trainer.accumulate_grad_batches == 0:
            model.balancer.before_step(Look(model, batch))

    def on_after_backward(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Let the balancer finish the gradients, before they are clipped."""
        balancer: Any = pl_module.balancer
        balancer.after_backward()

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Let the balancer finish the epoch, before a checkpoint is saved."""
        balancer: Any = pl_module.balancer
        balancer.after_epoch()
