"""Predictions as a table."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import torch
from lightning.pytorch import Callback, LightningModule, Trainer
from torch import Tensor

from multitask.distributed import gather_rows
from multitask.module import MultiTask


class PredictionTable(Callback):
    """Writes one row a sample: its index in the split, and each task's prediction.

    Classes have their number and its probability, vectors a column for each element; numbers are
    in original units.

    Args:
        path: the CSV file.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._columns: dict[str, list[Tensor]] = {}

    def on_predict_batch_end(
        self,
        trainer: Trainer,
        pl_module: LightningModule,
        outputs: Any,
        batch: dict[str, Tensor],
        *_: Any,
    ) -> None:
        """Keep a batch's rows."""
        assert isinstance(pl_module, MultiTask)
        columns = {"index": batch["index"]}
        for name, task in pl_module.named_tasks.items():
            columns |= task.columns(name, outputs[name])
        for name, values in columns.items():
            self._columns.setdefault(name, []).append(values.cpu())

    def on_predict_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Write the rows in the data's order."""
        columns = {name: gather_rows(torch.cat(parts)) for name, parts in self._columns.items()}
        if not trainer.is_global_zero:
            return
        order = columns["index"].argsort()
        rows = zip(*(values[order].tolist() for values in columns.values()), strict=True)
        with self.path.open("w", newline="") as file:
            csv.writer(file).writerows([columns.keys(), *rows])
