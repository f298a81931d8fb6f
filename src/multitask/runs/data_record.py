"""What the data say about themselves, such as which sample is in which split."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
from lightning.pytorch import Callback, LightningModule, Trainer
from pandas import DataFrame

from multitask.data import DataModule
from multitask.errors import InputError
from multitask.runs.folder import part_file

SPLITS_FILE = "splits.csv"
"""A table with ``file`` and ``split``, in the samples' order, which a run that goes on keeps."""


class DataRecord(Callback):
    """Writes the tables that the data keep with a run into its folder.

    A run that goes on writes ``splits-2.csv`` and so on, and is refused where samples are in other
    splits than in its first part.

    Args:
        folder: the run's folder, as the first process knows it.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._is_written = False

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Compare and write everything, once, before anything can go wrong.

        Raises:
            InputError: on all processes, where the splits are not those of the run's first part.
        """
        data = trainer.datamodule  # type: ignore[attr-defined]
        if self._is_written or not isinstance(data, DataModule):
            return
        self._is_written = True
        refusal = self._write(data.records()) if trainer.is_global_zero else None
        # Else the others would wait for the first process.
        if (refusal := trainer.strategy.broadcast(refusal)) is not None:
            raise InputError(refusal)

    def _write(self, records: dict[str, DataFrame]) -> str | None:
        first = self.folder / SPLITS_FILE
        if SPLITS_FILE in records and first.is_file():
            before = pd.read_csv(first, dtype=str, keep_default_na=False)
            if changes := _changes(before, records[SPLITS_FILE]):
                return (
                    f"{first}: {changes} since this run began, because the table or its settings "
                    "have changed; undo that, or start a new run"
                )
        for name, table in records.items():
            table.to_csv(part_file(self.folder, name), index=False)
        return None


def _changes(before: DataFrame, now: DataFrame) -> str:
    # Row numbers do not count: a line that says nothing may have come or gone.
    if before["file"].tolist() == now["file"].tolist() and (
        before["split"].tolist() == now["split"].tolist()
    ):
        return ""
    both = _numbered(before).merge(_numbered(now), on=["file", "time"], how="outer")
    is_new, is_gone = both["split_x"].isna(), both["split_y"].isna()
    moved = int((both["split_x"] != both["split_y"])[~is_new & ~is_gone].sum())
    if not moved and not is_new.any() and not is_gone.any():
        return "the samples come in another order than"
    samples = "sample has" if moved == 1 else "samples have"
    counts = f"{is_new.sum():,} have come and {is_gone.sum():,} have gone"
    return f"{moved:,} {samples} moved to another split, {counts}"


def _numbered(splits: DataFrame) -> DataFrame:
    # A file may be there more than once.
    return splits[["file", "split"]].assign(time=splits.groupby("file").cumcount())
