"""Whether a training has completed a step since it started or resumed."""

from __future__ import annotations

from lightning.pytorch import Callback, LightningModule, Trainer


class FirstStep(Callback):
    """Record whether a training has made a step since it started or resumed.

    In the first step, optimizers, schedules and callbacks use the state restored from a checkpoint.
    """

    def __init__(self) -> None:
        self.is_made = False
        self._began_at = 0

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Store the first step, and check that the restored state can be saved again."""
        self._began_at = trainer.global_step
        if trainer.ckpt_path:
            for callback in trainer.callbacks:  # type: ignore[attr-defined]
                callback.state_dict()

    def on_train_batch_end(self, trainer: Trainer, *_: object) -> None:
        """Check whether there was a step; its schedule has already followed."""
        self.is_made = self.is_made or trainer.global_step > self._began_at
