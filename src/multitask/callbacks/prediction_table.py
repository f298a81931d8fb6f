"""Predictions as a table."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import torch
from lightning.pytorch import Callback, LightningModule, Trainer
from torch import Tensor

from multitask.checkpoints.atomic_writing import writing
from multitask.data import DataModule
from multitask.distributed import gather_items, gather_rows
from multitask.module import MultiTask
from multitask.pages.spreadsheet import write_rows

FILE_COLUMN = "file"


class PredictionTable(Callback):
    """Writes one row a sample: its index in the split, its file if it has one, and predictions.

    Classes have their name, or their number where they have none, and its probability, vectors a
    column for each element; numbers are in original units. Predictions that are no columns, such as
    maps, are written as they come, as files ``predictions/<task>/<name>`` beside the table, which
    has their paths. The name is that of the sample's own file without its ending, or the sample's
    index if samples have no files, or two files of one name.

    A text that a spreadsheet would take for a formula has an apostrophe before it, see
    `multitask.pages.spreadsheet`.

    Args:
        path: the CSV file.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._columns: dict[str, list[Tensor]] = {}
        self._paths: dict[str, list[str]] = {}
        self._stems: list[str] | None = None

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
        columns = {"index": batch["index"]}
        stems = self._stems_of(trainer, batch["index"].tolist())
        for name, task in pl_module.named_tasks.items():
            columns |= task.columns(name, outputs[name])
            folder = self.path.parent / "predictions" / name
            for column, paths in task.save(folder, stems, outputs[name]).items():
                near = [os.path.relpath(each, self.path.parent) for each in paths]
                self._paths.setdefault(column, []).extend(near)
        for name, values in columns.items():
            self._columns.setdefault(name, []).append(values.cpu())

    def on_predict_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Write the rows in the data's order."""
        columns = {name: gather_rows(torch.cat(parts)) for name, parts in self._columns.items()}
        paths = {name: gather_items(each) for name, each in self._paths.items()}
        if not trainer.is_global_zero:
            return
        order = columns["index"].argsort()
        cells = {name: values[order].tolist() for name, values in columns.items()}
        cells |= _class_names(pl_module, cells)
        cells |= {name: [each[row] for row in order.tolist()] for name, each in paths.items()}
        if (names := _names(trainer)) is not None:
            files = {FILE_COLUMN: [names[index] for index in cells["index"]]}
            cells = {"index": cells.pop("index"), **files, **cells}
        rows = zip(*cells.values(), strict=True)
        with writing(self.path) as part:
            write_rows([cells.keys(), *rows], part)

    def _stems_of(self, trainer: Trainer, indices: list[int]) -> list[str]:
        if self._stems is None:
            stems = [Path(name).stem for name in _names(trainer) or []]
            self._stems = stems if len(set(stems)) == len(stems) else []
        return [self._stems[index] if self._stems else str(index) for index in indices]


def _class_names(module: LightningModule, cells: dict[str, list[Any]]) -> dict[str, list[str]]:
    assert isinstance(module, MultiTask)
    return {
        name: [classes[number] for number in cells[name]]
        for name, task in module.named_tasks.items()
        if name in cells and (classes := task.class_names) is not None
    }


def _names(trainer: Trainer) -> list[str] | None:
    data = getattr(trainer, "datamodule", None)
    # What is predicted is the test set.
    return data.names("test") if isinstance(data, DataModule) else None
