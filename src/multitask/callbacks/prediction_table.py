"""Predictions as a table."""

from __future__ import annotations

import os
from itertools import chain
from pathlib import Path
from typing import Any

import torch
from lightning.pytorch import Callback, LightningModule, Trainer
from torch import Tensor

from multitask.checkpoints.atomic_writing import writing
from multitask.data import DataModule
from multitask.distributed import gather_items, gather_rows
from multitask.images.file_stems import file_stems
from multitask.module import MultiTask
from multitask.pages.spreadsheet import write_rows
from multitask.tables.token_columns import labels_of_words
from multitask.tasks.base import Column
from multitask.tasks.predictions import task_columns
from multitask.tokenizers import Tokenizer
from multitask.training.description import described_tasks, take_names

FILE_COLUMN, NAME_COLUMN = "file", "name"
ROWS = 4096
"""Number of rows written at a time."""


class PredictionTable(Callback):
    """Write one row per sample: its index in the split, its name and its predictions.

    A sample with an image is identified by its file, in the column ``file``; any other sample, such
    as a row of a table, has its name in the column ``name``. Each text follows on one line, in a
    column named after the input.

    For classification, there are columns for the predicted class (its name, or its number if it has
    none), its probability, and the probability of each class. Vectors have a column for each
    element; numbers are in original units. Columns for the uncertainty follow, see
    `multitask.tasks.predictions.task_columns`. Predictions that do not fit in columns, such as
    maps, are written as they arrive, to files ``predictions/<task>/<name>`` beside the table, which
    contains their paths. The file name is that of the sample's own file without its extension, or
    the sample's index if samples have no files or two files share a name.

    A text that a spreadsheet would interpret as a formula is preceded by an apostrophe, see
    `multitask.pages.spreadsheet`.

    Args:
        path: the CSV file.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._order: dict[str, None] = {}
        self._values: dict[str, list[Tensor]] = {}
        self._texts: dict[str, list[str]] = {}
        self._stems: list[str] | None = None

    def on_predict_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Get the names of classes and elements that only the data contain."""
        data = getattr(trainer, "datamodule", None)
        if isinstance(data, DataModule) and isinstance(pl_module, MultiTask):
            take_names(pl_module.named_tasks, described_tasks(pl_module.named_tasks, data))

    def on_predict_batch_end(
        self,
        trainer: Trainer,
        pl_module: LightningModule,
        outputs: Any,
        batch: dict[str, Tensor],
        *_: Any,
    ) -> None:
        """Keep the rows of a batch, and write its files."""
        assert isinstance(pl_module, MultiTask)
        columns: dict[str, Column] = {"index": batch["index"]}
        stems = self._stems_of(trainer, batch["index"].tolist())
        for name, task in pl_module.named_tasks.items():
            columns |= task_columns(name, task, outputs)
            folder = self.path.parent / "predictions" / name
            for column, paths in task.save(folder, stems, outputs[name]).items():
                columns[column] = [os.path.relpath(each, self.path.parent) for each in paths]
        for name, values in columns.items():
            self._order[name] = None
            if isinstance(values, Tensor):
                self._values.setdefault(name, []).append(values.cpu())
            else:
                self._texts.setdefault(name, []).extend(values)

    def on_predict_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Write the rows in the order of the data."""
        values = {name: gather_rows(torch.cat(parts)) for name, parts in self._values.items()}
        texts = {name: gather_items(each) for name, each in self._texts.items()}
        if not trainer.is_global_zero:
            return
        order = list(self._order)
        places, indices = values["index"].argsort(), values["index"].tolist()
        for name, (written, tokenizer) in _texts_of_words(trainer).items():
            if name in texts:
                own = [written[index] for index in indices]
                texts[name] = labels_of_words(texts[name], own, tokenizer)
        told = _told(trainer)
        for place, (column, every) in enumerate(told.items(), 1):
            texts[column] = [every[index] for index in indices]
            order.insert(place, column)

        def cells(column: str, rows: Tensor) -> list[Any]:
            if column in values:
                return values[column][rows].tolist()
            return [texts[column][each] for each in rows.tolist()]

        # A few at a time, because Python's own numbers need many times the memory.
        parts = (
            zip(*(cells(each, rows) for each in order), strict=True) for rows in places.split(ROWS)
        )
        with writing(self.path) as part:
            write_rows(chain([order], chain.from_iterable(parts)), part)

    def _stems_of(self, trainer: Trainer, indices: list[int]) -> list[str]:
        if self._stems is None:
            self._stems = file_stems(_names(trainer) or [])
        return [self._stems[index] if self._stems else str(index) for index in indices]


def name_column(data: DataModule) -> str:
    """The column that holds the samples' names: ``file`` for images, otherwise ``name``."""
    return FILE_COLUMN if "image" in data.faces() else NAME_COLUMN


def _names(trainer: Trainer) -> list[str] | None:
    data = getattr(trainer, "datamodule", None)
    # Predictions are made for the test set.
    return data.names("test") if isinstance(data, DataModule) else None


def _told(trainer: Trainer) -> dict[str, list[str]]:
    """The samples' names and texts, by column, as far as they are known."""
    data = getattr(trainer, "datamodule", None)
    if not isinstance(data, DataModule):
        return {}
    names = data.names("test")
    found = {} if names is None else {name_column(data): names}
    texts = data.texts("test").items()
    return found | {name: [" ".join(text.split()) for text in each] for name, each in texts}


def _texts_of_words(trainer: Trainer) -> dict[str, tuple[list[str], Tokenizer]]:
    data = getattr(trainer, "datamodule", None)
    return data.texts_of_words("test") if isinstance(data, DataModule) else {}
