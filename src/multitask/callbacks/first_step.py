"""Has a training stood on its own feet yet?"""

from __future__ import annotations

from lightning.pytorch import Callback, LightningModule, Trainer


class FirstStep(Callback):
    """Knows whether a training has made a step since it began or was taken up.

    What optimizers, schedules and callbacks were given from a checkpoint, they use in the first.
    """

    def __init__(self) -> None:
        self.is_made = False
        self._began_at = 0

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Remember which step it began at, and see that what was taken up can be saved again."""
        self._began_at = trainer.global_step
        if trainer.ckpt_path:
            for callback in trainer.callbacks:  # type: ignore[attr-defined]
                callback.state_dict()

    def on_train_batch_end(self, trainer: Trainer, *_: object) -> None:
        """See whether there was a step; its schedule has followed it already."""
        self.is_made = self.is_made or trainer.global_step > self._began_at
