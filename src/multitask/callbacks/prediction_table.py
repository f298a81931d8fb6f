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

FILE_COLUMN = "file"
ROWS = 4096
"""That are written at a time."""


class PredictionTable(Callback):
    """Writes one row a sample: its index in the split, its file if it has one, and predictions.

    Classes have their name, or their number if they have none, its probability and that of each
    class, vectors a column for each element; numbers are in original units. Behind them is how
    uncertain they are, see `multitask.tasks.predictions.task_columns`. Predictions that are no
    columns, such as maps, are written as they come, as files ``predictions/<task>/<name>`` beside
    the table, which has their paths. The name is that of the sample's own file without its ending,
    or the sample's index if samples have no files, or two files of one name.

    A text that a spreadsheet would take for a formula has an apostrophe before it, see
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
        """Learn the names of classes and elements that only the data know."""
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
        """Keep a batch's rows, and write its files."""
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
        """Write the rows in the data's order."""
        values = {name: gather_rows(torch.cat(parts)) for name, parts in self._values.items()}
        texts = {name: gather_items(each) for name, each in self._texts.items()}
        if not trainer.is_global_zero:
            return
        order, names = list(self._order), _names(trainer)
        places = values["index"].argsort()
        for name, (written, tokenizer) in _texts_of_words(trainer).items():
            if name not in texts:
                continue
            own = [written[each] for each in values["index"].tolist()]
            texts[name] = labels_of_words(texts[name], own, tokenizer)
        if names is not None:
            texts[FILE_COLUMN] = [names[each] for each in values["index"].tolist()]
            order.insert(1, FILE_COLUMN)

        def cells(column: str, rows: Tensor) -> list[Any]:
            if column in values:
                return values[column][rows].tolist()
            return [texts[column][each] for each in rows.tolist()]

        # A few at a time, as Python's own numbers take many times the memory.
        parts = (
            zip(*(cells(each, rows) for each in order), strict=True) for rows in places.split(ROWS)
        )
        with writing(self.path) as part:
            write_rows(chain([order], chain.from_iterable(parts)), part)

    def _stems_of(self, trainer: Trainer, indices: list[int]) -> list[str]:
        if self._stems is None:
            self._stems = file_stems(_names(trainer) or [])
        return [self._stems[index] if self._stems else str(index) for index in indices]


def _names(trainer: Trainer) -> list[str] | None:
    data = getattr(trainer, "datamodule", None)
    # What is predicted is the test set.
    return data.names("test") if isinstance(data, DataModule) else None


def _texts_of_words(trainer: Trainer) -> dict[str, tuple[list[str], Tokenizer]]:
    data = getattr(trainer, "datamodule", None)
    return data.texts_of_words("test") if isinstance(data, DataModule) else {}
