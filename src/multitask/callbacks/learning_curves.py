"""A run's learning curves, in its folder."""

from __future__ import annotations

from pathlib import Path

from lightning.pytorch import Callback, LightningModule, Trainer

from multitask.figures.epochs import read_curves
from multitask.figures.learning_curves import draw_learning_curves
from multitask.figures.saving import save_figure
from multitask.figures.sending import send_figure
from multitask.module import MultiTask


class LearningCurves(Callback):
    """Draw the score and each task's headline metric and loss over epochs, after training.

    For a resumed run, the curves cover the whole run.

    Args:
        metrics: the run's ``metrics.csv``.
        path: path of the PNG file.
    """

    def __init__(self, metrics: Path, path: Path) -> None:
        self.metrics, self.path = metrics, path

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Draw the logged values."""
        assert isinstance(pl_module, MultiTask)
        if not trainer.is_global_zero:
            return
        tasks = pl_module.named_tasks.items()
        names = ["score", *(f"{name}/{task.headline}" for name, task in tasks if task.headline)]
        # Losses come last, so that they are dropped first if there are very many tasks.
        names += [f"{name}/loss" for name, _ in tasks]
        if (figure := draw_learning_curves(read_curves(self.metrics), names)) is not None:
            save_figure(figure, self.path, dpi=200)
            name = f"figures/{self.path.stem}"
            send_figure(trainer.loggers, name, figure, self.path, trainer.global_step)
