"""Records of the data of a run, such as which sample is in which split."""

from __future__ import annotations

from io import StringIO
from pathlib import Path

import pandas as pd
from lightning.pytorch import Callback, LightningModule, Trainer
from lightning.pytorch.utilities import rank_zero_warn
from pandas import DataFrame

from multitask.checkpoints.named_checkpoint import LAST
from multitask.data import DataModule
from multitask.errors import InputError
from multitask.pages.spreadsheet import inert_table
from multitask.runs.data_contents import (
    CONTENTS_FILE,
    changes,
    contents_of,
    read_contents,
    write_contents,
)
from multitask.runs.deciding_files import whole_part, write_part
from multitask.runs.folder import config_of, parts
from multitask.tasks.naming import SPLIT_WORDS

SPLITS_FILE = "splits.csv"
"""A table with ``file`` and ``split``, in sample order, which a resumed run must reproduce."""


class DataRecord(Callback):
    """Write the tables that the data provide into the run's folder.

    A resumed run writes ``splits-2.csv`` and so on. It is rejected if samples are in other splits,
    or have other targets or inputs, than in its first part. If a checkpoint is evaluated, samples
    that it was trained on are reported.

    Args:
        folder: the run's folder, as the first process names it.
        trained: the folder of the run whose checkpoint is evaluated, if any.
    """

    def __init__(self, folder: Path, trained: Path | None = None) -> None:
        self.folder, self.trained = folder, trained
        self._is_written = False

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Compare and write everything once, before anything can fail.

        Raises:
            InputError: on all processes, if the data differ from those of the run's first part.
        """
        data = trainer.datamodule  # type: ignore[attr-defined]
        if self._is_written or not isinstance(data, DataModule):
            return
        self._is_written = True
        refusal = None
        if trainer.is_global_zero:
            # Only the splits are read back; the rest is for people.
            records = {
                name: table if name == SPLITS_FILE else inert_table(table)
                for name, table in data.records().items()
            }
            self._tell_of_trained(records, "val" if stage == "validate" else "test")
            refusal = self._moved(records)
            if stage == "fit" and refusal is None:
                refusal = self._compare(data)
            if refusal is None:
                for name, table in records.items():
                    write_part(self.folder, name, table.to_csv(index=False))
        # Otherwise the others would wait for the first process.
        if (refusal := trainer.strategy.broadcast(refusal)) is not None:
            raise InputError(refusal)

    def _tell_of_trained(self, records: dict[str, DataFrame], split: str) -> None:
        first = _first_splits(self.trained) if self.trained else None
        if SPLITS_FILE not in records or first is None:
            return
        before, now = _read(first), records[SPLITS_FILE]
        evaluated = _files(now, split)
        # A file that occurs in several rows may have been in both splits all along.
        trained_on = set(_files(before, "train")) - set(_files(before, split))
        if known := [file for file in evaluated if file in trained_on]:
            rank_zero_warn(
                f"{len(known):,} of the {len(evaluated):,} {SPLIT_WORDS[split]} samples, such as "
                f"{known[0]}, have the names of training samples of {self.trained}, because the "
                "table or its settings have changed; the results look better than they are"
            )

    def _moved(self, records: dict[str, DataFrame]) -> str | None:
        first = _first_splits(self.folder) if SPLITS_FILE in records else None
        if first is None and SPLITS_FILE in records and parts(self.folder, SPLITS_FILE):
            return (
                f"{self.folder / SPLITS_FILE} is damaged, so it is unknown whether the splits "
                "are still the same; remove it to continue without it, or start a new run"
            )
        if first is not None and (changes := _changes(_read(first), records[SPLITS_FILE])):
            return (
                f"{first}: {changes} since this run began, because the table or its settings "
                "have changed; undo the change, or start a new run"
            )
        return None

    def _compare(self, data: DataModule) -> str | None:
        path = self.folder / CONTENTS_FILE
        now = contents_of(data)
        before = read_contents(path) if path.is_file() else None
        if before is None:
            write_contents(now, path)
        elif found := changes(before, now, data):
            return (
                f"{self.folder}: the data are not those that this run began with ({found}); undo "
                "the change, or continue training with the new data in a new run: multitask fit "
                f"--config={config_of(self.folder)} --ckpt_path={self.folder / LAST}"
            )
        return None


def _first_splits(folder: Path) -> Path | None:
    return whole_part(folder, SPLITS_FILE, _are_splits, newest=False)


def _are_splits(content: str) -> bool:
    try:
        found = pd.read_csv(StringIO(content), dtype=str, keep_default_na=False)
    except ValueError:
        return False
    return {"file", "split"} <= set(found.columns) and set(found["split"]) <= set(SPLIT_WORDS)


def _read(splits: Path) -> DataFrame:
    return pd.read_csv(splits, dtype=str, keep_default_na=False)


def _files(splits: DataFrame, split: str) -> list[str]:
    return list(splits["file"][splits["split"] == split])


def _changes(before: DataFrame, now: DataFrame) -> str:
    # Ignore row numbers: an empty line may have been added or removed.
    if before["file"].tolist() == now["file"].tolist() and (
        before["split"].tolist() == now["split"].tolist()
    ):
        return ""
    both = _numbered(before).merge(_numbered(now), on=["file", "time"], how="outer")
    is_new, is_gone = both["split_x"].isna(), both["split_y"].isna()
    moved = int((both["split_x"] != both["split_y"])[~is_new & ~is_gone].sum())
    if not moved and not is_new.any() and not is_gone.any():
        return "the order of the samples has changed"
    samples = "sample has" if moved == 1 else "samples have"
    counts = f"{is_new.sum():,} added and {is_gone.sum():,} removed"
    return f"{moved:,} {samples} moved to another split, {counts}"


def _numbered(splits: DataFrame) -> DataFrame:
    # A file may occur more than once.
    return splits[["file", "split"]].assign(time=splits.groupby("file").cumcount())
