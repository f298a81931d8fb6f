"""Figures of the data and of the predictions, into the run's folder and to W&B."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from lightning.pytorch import Callback, LightningModule, Trainer
from lightning.pytorch.loggers import WandbLogger
from matplotlib.figure import Figure
from torch import Tensor

from multitask.data import DataModule
from multitask.data.split_check import SPLITS
from multitask.distributed import gather_rows
from multitask.figures.drawing import captions, draw_coverage, draw_samples, draw_task
from multitask.figures.sample_table import SampleTable, sample_table, write_page
from multitask.module import MultiTask

Batch = dict[str, Tensor]


class Figures(Callback):
    """Draws label coverage, samples with targets and predictions, and one figure a task.

    The samples are a table too, with images: ``predictions.html``, and
    ``predictions/<split>`` at W&B. Training images, also as augmented, and label coverage are drawn
    before training, predictions of the last validation after it, and those of the test set after
    testing.

    Args:
        folder: where the figures go, as PNG.
        images: number of images in a figure or table of samples.
        most: no more predictions of a split than this many are kept for drawing.
    """

    def __init__(self, folder: Path, images: int = 24, most: int = 20_000) -> None:
        self.folder, self.images, self.most = folder, images, most
        self._outputs: list[Batch] = []
        self._targets: list[Batch] = []
        self._images: list[Tensor] = []

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Draw the data."""
        model, data = _ours(trainer, pl_module)
        if not trainer.is_global_zero:
            return
        known = {split: _coverage(model, data.targets(split)) for split in SPLITS}
        self._save(trainer, "data/label_coverage", draw_coverage(known))
        if sources := data.source_rows("train"):
            targets = data.targets("train")
            known = {name: _coverage(model, _rows(targets, at)) for name, at in sources.items()}
            self._save(trainer, "data/label_coverage_by_source", draw_coverage(known))
        first = torch.arange(min(self.images, len(data.splits["train"])))
        batch = data.on_after_batch_transfer(data.splits["train"][first], 0)
        figure = draw_samples(batch["image"], captions(model.named_tasks, batch))
        self._save(trainer, "data/samples", figure)
        if len(data.augmentations):
            batch = data.augmented(first)
            figure = draw_samples(batch["image"], captions(model.named_tasks, batch))
            self._save(trainer, "data/augmented", figure)

    def on_validation_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Forget the validation before."""
        self._forget()

    def on_test_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Forget the validation before."""
        self._forget()

    def on_validation_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Batch, *_: Any
    ) -> None:
        """Keep predictions for drawing."""
        self._keep(trainer, outputs, batch)

    def on_test_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Batch, *_: Any
    ) -> None:
        """Keep predictions for drawing."""
        self._keep(trainer, outputs, batch)

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Draw the last validation."""
        self._draw(trainer, pl_module, "val")

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Draw a validation that stands alone."""
        if trainer.state.fn == "validate":
            self._draw(trainer, pl_module, "val")

    def on_test_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Draw the test set's predictions."""
        self._draw(trainer, pl_module, "test")

    def _forget(self) -> None:
        self._outputs, self._targets, self._images = [], [], []

    def _keep(self, trainer: Trainer, outputs: Any, batch: Batch) -> None:
        if sum(len(kept["index"]) for kept in self._targets) * trainer.world_size >= self.most:
            return
        if sum(map(len, self._images)) < self.images:
            self._images.append(batch["image"].cpu())
        self._outputs.append({name: values.cpu() for name, values in outputs.items()})
        names = [*outputs, "index"]
        self._targets.append({name: batch[name].cpu() for name in names})

    def _draw(self, trainer: Trainer, module: LightningModule, split: str) -> None:
        if not self._targets:
            return
        # Every process joins, also where only the first draws.
        targets = _joined(self._targets)
        outputs = _joined(self._outputs)
        images = gather_rows(torch.cat(self._images))
        with_image = _joined(self._targets[: len(self._images)])["index"]
        if trainer.is_global_zero:
            model, data = _ours(trainer, module)
            order = targets["index"].argsort()
            targets = {name: values[order] for name, values in targets.items()}
            predictions = _predictions(model, {n: values[order] for n, values in outputs.items()})
            self._draw_tasks(trainer, model, split, predictions, targets)
            first = with_image.argsort()[: self.images]
            rows = torch.searchsorted(targets["index"], with_image[first])
            shown = (_rows(targets, rows), _rows(predictions, rows))
            texts = captions(model.named_tasks, *shown)
            self._save(trainer, f"{split}/samples", draw_samples(images[first], texts))
            names = data.names(split)
            files = names and [names[index] for index in shown[0]["index"].tolist()]
            table = sample_table(model.named_tasks, images[first], *shown, files)
            self._save_table(trainer, split, table)

    def _draw_tasks(
        self, trainer: Trainer, model: MultiTask, split: str, predictions: Batch, targets: Batch
    ) -> None:
        for name, task in model.named_tasks.items():
            figure = draw_task(name, task, predictions[name], targets[name])
            self._save(trainer, f"{split}/{name}", figure)

    def _save(self, trainer: Trainer, name: str, figure: Figure) -> None:
        path = self.folder / f"{name}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        figure.savefig(path, dpi=200)
        for logger in trainer.loggers:
            if isinstance(logger, WandbLogger):
                logger.log_image(f"figures/{name}", [str(path)])

    def _save_table(self, trainer: Trainer, split: str, table: SampleTable) -> None:
        write_page(table, self.folder / split / "predictions.html", f"predictions, {split}")
        for logger in trainer.loggers:
            if isinstance(logger, WandbLogger):
                import wandb

                rows = [
                    [index, wandb.Image(image), *cells] for index, image, *cells in table.rows()
                ]
                logger.log_table(f"predictions/{split}", table.names, rows)


def _ours(trainer: Trainer, module: LightningModule) -> tuple[MultiTask, DataModule]:
    data = trainer.datamodule  # type: ignore[attr-defined]
    assert isinstance(module, MultiTask)
    assert isinstance(data, DataModule)
    return module, data


def _coverage(model: MultiTask, targets: Batch) -> dict[str, float]:
    tasks = model.named_tasks.items()
    return {name: float(task.known(targets[name]).float().mean()) for name, task in tasks}


def _joined(batches: list[Batch]) -> Batch:
    return {name: gather_rows(torch.cat([each[name] for each in batches])) for name in batches[0]}


def _rows(columns: Batch, rows: Tensor | slice) -> Batch:
    return {name: values[rows] for name, values in columns.items()}


def _predictions(model: MultiTask, outputs: Batch) -> Batch:
    tasks = model.named_tasks.items()
    return {name: task.predict(outputs[name].to(model.device)).cpu() for name, task in tasks}
