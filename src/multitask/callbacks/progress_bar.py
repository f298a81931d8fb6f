"""The progress bar."""

from __future__ import annotations

from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.callbacks import RichProgressBar


class ProgressBar(RichProgressBar):
    """Lightning's progress bar without the run's id, which the report contains in full.

    It is drawn at most ten times a second, because drawing slows training down.
    """

    def __init__(self) -> None:
        super().__init__(refresh_rate=10)

    def get_metrics(
        self, trainer: Trainer, pl_module: LightningModule
    ) -> dict[str, int | str | float | dict[str, float]]:
        """The values shown after the bar."""
        items = super().get_metrics(trainer, pl_module)
        items.pop("v_num", None)
        return items
