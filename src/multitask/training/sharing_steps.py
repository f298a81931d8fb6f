"""Calls to a sharing scheme before optimizer steps."""

from __future__ import annotations

from typing import Any

from lightning.pytorch import Callback, LightningModule, Trainer


class SharingSteps(Callback):
    """Passes the number of the step, stored in the Trainer's checkpoint, to the scheme."""

    def on_train_batch_start(self, trainer: Trainer, pl_module: LightningModule, *_: Any) -> None:
        """Pass it before each batch; all batches of one step get the same number."""
        sharing: Any = pl_module.sharing
        sharing.begin_step(trainer.global_step)
