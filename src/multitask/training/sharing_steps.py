"""When a sharing scheme gets ready for an optimizer step."""

from __future__ import annotations

from typing import Any

from lightning.pytorch import Callback, LightningModule, Trainer


class SharingSteps(Callback):
    """Tells the sharing scheme the number of the step, which is in the Trainer's checkpoint."""

    def on_train_batch_start(self, trainer: Trainer, pl_module: LightningModule, *_: Any) -> None:
        """Tell it before each batch; all batches of one step get the same number."""
        sharing: Any = pl_module.sharing
        sharing.begin_step(trainer.global_step)
