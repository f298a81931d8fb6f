"""Figures of the data and the predictions, for the run's folder and W&B."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import ceil, nan
from pathlib import Path
from typing import Any

import numpy as np
import torch
from lightning.fabric.utilities import move_data_to_device
from lightning.pytorch import Callback, LightningModule, Trainer
from lightning.pytorch.loggers import WandbLogger
from matplotlib.figure import Figure
from torch import Tensor

from multitask.callbacks.prediction_table import name_column
from multitask.data import DataModule
from multitask.data.faces import Shown, on_one_scale, show_samples
from multitask.distributed import gather_rows
from multitask.figures.drawing import captions, draw_coverage, draw_samples, draw_task
from multitask.figures.headlines import draw_headlines, lowest
from multitask.figures.map_grid import draw_maps
from multitask.figures.marked import with_marks
from multitask.figures.sample_table import SampleTable, sample_table, write_table
from multitask.figures.saving import save_figure
from multitask.figures.sending import send_figure
from multitask.module import MultiTask
from multitask.tasks import Task
from multitask.tasks.naming import element_names
from multitask.tasks.output import count_numbers, each_tensor, joined, rows_of

Batch = dict[str, Tensor]
Outputs = dict[str, Any]
"""By task, a tensor or a dictionary of tensors; the same types serve targets and inputs."""
MOST_TASKS = 12
"""With more tasks than this, not every task has its own figure."""


class Figures(Callback):
    """Draw label coverage, samples with targets and predictions, and one figure per task.

    Titles show the metrics of the whole split. With more than 12 tasks, only those that contribute
    least to the score get their own figure, and one more figure shows the headline metrics of all
    tasks.

    Tasks with a target for each pixel also get a grid of images, targets, predictions and errors.

    The samples are also written as a table with images: ``predictions.html``, and
    ``predictions/<split>`` at W&B. Training samples, with and without augmentation, and label
    coverage are drawn before training. Predictions are drawn for the last validation after
    training, and for the test set after testing.

    Args:
        folder: folder that the figures are written to, as PNG.
        samples: number of samples in a figure or table of samples.
        most_numbers: number of output and target values of a split that all processes together keep
            for drawing. They are those of the first samples, and of at least one sample.
    """

    def __init__(self, folder: Path, samples: int = 24, most_numbers: int = 2**22) -> None:
        self.folder, self.samples, self.most_numbers = folder, samples, most_numbers
        self._forget()

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Draw the data."""
        model, data = _ours(trainer, pl_module)
        if not trainer.is_global_zero:
            return
        known = {split: _coverage(model, data.targets(split)) for split in data.splits}
        self._save(trainer, "data/label_coverage", draw_coverage(known))
        if sources := data.source_rows("train"):
            of_sources = {name: data.targets("train", rows) for name, rows in sources.items()}
            known = {name: _coverage(model, targets) for name, targets in of_sources.items()}
            self._save(trainer, "data/label_coverage_by_source", draw_coverage(known))
        first = torch.arange(min(self.samples, len(data.splits["train"])))
        batches = {"samples": data.on_after_batch_transfer(data.splits["train"][first], 0)}
        # All figures use the scale of the images without augmentation.
        faces = on_one_scale(data.faces(), batches["samples"])
        if len(data.augmentations):
            batches["augmented"] = data.augmented(first)
        for name, batch in batches.items():
            targets = {task: batch[task] for task in model.named_tasks}
            shown = show_samples(batch, faces, targets)
            shown = with_marks(shown, model.named_tasks, targets)
            figure = draw_samples(shown, captions(model.named_tasks, targets))
            self._save(trainer, f"data/{name}", figure)

    def on_validation_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Discard what the previous validation kept."""
        self._forget()

    def on_test_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Discard what the previous validation kept."""
        self._forget()

    def on_validation_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Batch, *_: Any
    ) -> None:
        """Keep predictions for drawing."""
        self._keep(trainer, pl_module, outputs, batch)

    def on_test_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Batch, *_: Any
    ) -> None:
        """Keep predictions for drawing."""
        self._keep(trainer, pl_module, outputs, batch)

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Draw the last validation."""
        self._draw(trainer, pl_module, "val")

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Draw a validation outside training."""
        if trainer.state.fn == "validate":
            self._draw(trainer, pl_module, "val")

    def on_test_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Draw the test set's predictions."""
        self._draw(trainer, pl_module, "test")

    def _forget(self) -> None:
        self._outputs: list[Outputs] = []
        self._targets: list[Outputs] = []
        self._inputs: list[Outputs] = []
        self._kept = 0

    def _keep(self, trainer: Trainer, module: LightningModule, outputs: Any, batch: Batch) -> None:
        targets = {name: batch[name] for name in [*outputs, "index"]}
        # The value is the same on all processes, and each keeps its share.
        numbers, size = _numbers(outputs) + _numbers(targets), len(batch["index"])
        at_most = max(self.most_numbers * size // max(numbers, 1), 1)
        room = ceil(at_most / trainer.world_size) - self._kept
        if room <= 0:
            return
        if self._kept < self.samples:
            _, data = _ours(trainer, module)
            inputs = {name: batch[name] for name in data.faces()}
            self._inputs.append(_first(inputs, room))
        self._outputs.append(_first(outputs, room))
        self._targets.append(_first(targets, room))
        self._kept += len(self._targets[-1]["index"])

    def _draw(self, trainer: Trainer, module: LightningModule, split: str) -> None:
        if not self._targets:
            return
        # Every process must join, even if only the first draws.
        targets, outputs, inputs = map(_joined, (self._targets, self._outputs, self._inputs))
        with_inputs = _joined(self._targets[: len(self._inputs)])["index"]
        if trainer.is_global_zero:
            model, data = _ours(trainer, module)
            order = targets["index"].argsort()
            targets = _rows(targets, order)
            predictions = _predictions(model, _rows(outputs, order))
            self._draw_tasks(trainer, model, split, predictions, targets)
            first = with_inputs.argsort()[: self.samples]
            rows = torch.searchsorted(targets["index"], with_inputs[first])
            shown_targets, shown_predictions = _rows(targets, rows), _rows(predictions, rows)
            maps = _predicted_maps(model, shown_predictions)
            shown = show_samples(_rows(inputs, first), data.faces(), shown_targets, maps)
            shown = with_marks(shown, model.named_tasks, shown_targets, shown_predictions)
            texts = captions(model.named_tasks, shown_targets, shown_predictions)
            self._save(trainer, f"{split}/samples", draw_samples(shown, texts))
            self._draw_maps(trainer, model, split, shown, shown_predictions, shown_targets)
            names = data.names(split)
            files = names and [names[index] for index in shown_targets["index"].tolist()]
            tasks, called = model.named_tasks, name_column(data)
            table = sample_table(tasks, shown, shown_targets, shown_predictions, files, called)
            self._save_table(trainer, split, table)

    def _draw_tasks(
        self, trainer: Trainer, model: MultiTask, split: str, predictions: Batch, targets: Batch
    ) -> None:
        tasks, values = model.named_tasks, _metrics(trainer, model, split)
        elements = _ours(trainer, model)[1].element_names()
        found = model.evaluations.of(split).contributions
        contributions = {name: float(found.get(name, nan)) for name in tasks}
        for name in lowest(contributions, MOST_TASKS):
            shown = (predictions[name], targets[name], values[name])
            names = element_names(tasks[name], elements.get(name))
            figure = draw_task(name, tasks[name], *shown, names)
            if figure is not None:
                self._save(trainer, f"{split}/{name}", figure)
        if len(tasks) > MOST_TASKS:
            headlines = {name: _headline(task, values[name]) for name, task in tasks.items()}
            figure = draw_headlines(split, contributions, headlines)
            self._save(trainer, f"{split}_tasks", figure)

    def _draw_maps(
        self,
        trainer: Trainer,
        model: MultiTask,
        split: str,
        samples: Sequence[Shown],
        predictions: Batch,
        targets: Batch,
    ) -> None:
        images = [_image(each) for each in samples]
        for name, task in model.named_tasks.items():
            found = task.shown_maps(predictions[name], targets[name])
            if found is not None:
                self._save(trainer, f"{split}/{name}_maps", draw_maps(name, images, found))

    def _save(self, trainer: Trainer, name: str, figure: Figure) -> None:
        path = self.folder / f"{name}.png"
        save_figure(figure, path, dpi=200)
        send_figure(trainer.loggers, f"figures/{name}", figure, path, trainer.global_step)

    def _save_table(self, trainer: Trainer, split: str, table: SampleTable) -> None:
        write_table(table, self.folder / split / "predictions.html", f"predictions, {split}")
        for logger in trainer.loggers:
            if isinstance(logger, WandbLogger):
                import wandb

                rows = [
                    [wandb.Image(each) if isinstance(each, np.ndarray) else each for each in row]
                    for row in table.rows()
                ]
                logger.log_table(f"predictions/{split}", table.names, rows)


def _ours(trainer: Trainer, module: LightningModule) -> tuple[MultiTask, DataModule]:
    data = trainer.datamodule  # type: ignore[attr-defined]
    assert isinstance(module, MultiTask)
    assert isinstance(data, DataModule)
    return module, data


def _image(sample: Shown) -> Tensor | None:
    """An image to show: the sample's image, or the first other input that is an image."""
    pictures = {name: each for name, each in sample.items() if isinstance(each, Tensor)}
    return pictures.get("image", next(iter(pictures.values()), None))


def _metrics(trainer: Trainer, model: MultiTask, split: str) -> dict[str, dict[str, float]]:
    """By task, the values of its metrics on the whole split."""
    found: dict[str, dict[str, float]] = {name: {} for name in model.named_tasks}
    for name, _ in model.evaluations.directions():
        prefix, task, metric = (*name.split("/"), "", "")[:3]
        if prefix == split and metric not in ("", "loss") and name in trainer.callback_metrics:
            found[task][metric] = float(trainer.callback_metrics[name])
    return found


def _headline(task: Task, values: Mapping[str, float]) -> str:
    value = values.get(task.headline or "", nan)
    return "unknown" if value != value else f"{task.headline} {value:.3g}"


def _coverage(model: MultiTask, targets: Batch) -> dict[str, float]:
    tasks = model.named_tasks.items()
    return {name: float(task.known(targets[name]).float().mean()) for name, task in tasks}


def _numbers(values: Outputs) -> int:
    """The number of values in a batch, over all of its samples."""
    return sum(map(count_numbers, values.values()))


def _first(values: Outputs, count: int) -> Outputs:
    """The first samples of a batch, on the CPU."""

    def first(each: Tensor) -> Tensor:
        # A view would keep the whole batch in memory.
        return each.cpu() if count >= len(each) else each[:count].clone().cpu()

    return {name: each_tensor(each, first) for name, each in values.items()}


def _joined(batches: Sequence[Outputs]) -> Outputs:
    """The samples of several batches from all processes."""
    parts = {name: joined([each[name] for each in batches]) for name in batches[0]}
    return {name: each_tensor(each, gather_rows) for name, each in parts.items()}


def _rows(values: Outputs, rows: Tensor) -> Outputs:
    """Some samples of a batch."""
    return {name: rows_of(each, rows) for name, each in values.items()}


def _predicted_maps(model: MultiTask, predictions: Batch) -> Batch:
    found = {name: task.picture(predictions[name]) for name, task in model.named_tasks.items()}
    return {name: each for name, each in found.items() if each is not None}


def _predictions(model: MultiTask, outputs: Outputs) -> Outputs:
    moved = move_data_to_device(outputs, model.device)
    found = {name: task.predict(moved[name]) for name, task in model.named_tasks.items()}
    return {name: each_tensor(each, Tensor.cpu) for name, each in found.items()}
