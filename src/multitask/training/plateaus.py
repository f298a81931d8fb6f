"""Learning rate schedules that monitor a metric."""

from __future__ import annotations

from lightning.pytorch import Callback, LightningModule, Trainer
from torch.optim.lr_scheduler import ReduceLROnPlateau


class Plateaus(Callback):
    """Passes the epoch's metric to a ``ReduceLROnPlateau``.

    Lightning does so after the epoch's checkpoint is saved, and not at all in an epoch that is
    resumed, so that a resumed run would miss a metric. The schedules are in the checkpoint as
    Lightning saves them; this callback has no state.
    """

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Step the schedules whose metric was measured."""
        if not trainer.is_last_batch:
            return
        metrics = trainer.callback_metrics
        for config in trainer.lr_scheduler_configs:
            # Lightning itself reports a metric that does not exist.
            if isinstance(config.scheduler, ReduceLROnPlateau) and config.monitor in metrics:
                config.scheduler.step(metrics[config.monitor])
