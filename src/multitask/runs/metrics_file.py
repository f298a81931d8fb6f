"""Metrics as a CSV file that survives any end of the run."""

from __future__ import annotations

import csv
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from lightning.pytorch.loggers import Logger
from lightning.pytorch.utilities import rank_zero_only

HEADER = ["step", "epoch", "name", "value"]
Row = list[Any]


class MetricsFile(Logger):
    """Appends a row ``step,epoch,name,value`` for each value, and closes the file each time.

    So nothing is lost when the process is killed, and any metric may come at any step.

    Args:
        path: the CSV file; an existing one is continued.
    """

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.path = path

    @property
    def name(self) -> str:
        """Empty: the file's folder is that of the run."""
        return ""

    @property
    def version(self) -> str:
        """Empty: see `name`."""
        return ""

    @property
    def save_dir(self) -> str:
        """The file's folder."""
        return str(self.path.parent)

    @rank_zero_only
    def log_metrics(self, metrics: Mapping[str, float], step: int | None = None) -> None:
        """Append one row for each value but ``epoch``, which is a column."""
        epoch = metrics.get("epoch", "")
        rows = [[step, epoch, name, value] for name, value in metrics.items() if name != "epoch"]
        _append(self.path, rows)

    @rank_zero_only
    def log_hyperparams(self, params: Any, *args: Any, **kwargs: Any) -> None:
        """Do nothing: the run's configuration is a file of its own."""

    @property
    def size(self) -> int:
        """Number of bytes so far."""
        return self.path.stat().st_size if self.path.exists() else 0

    @rank_zero_only
    def rewind(self, step: int, size: int | None = None) -> None:
        """Take back what was logged after the checkpoint that a run goes on from.

        The rows go to ``<name>-dropped.csv`` beside the file, so that nothing is lost.

        Args:
            step: number of optimizer steps in the checkpoint; rows count steps from 0.
            size: what `size` was at the checkpoint. Steps alone, which older checkpoints have,
                cannot tell rows before and after a checkpoint of the same step.
        """
        if not self.path.exists():
            return
        kept, dropped = self._split_by_step(step) if size is None else self._split_at(size)
        if dropped:
            _append(self.path.with_stem(f"{self.path.stem}-dropped"), dropped)
            _replace(self.path, kept)

    def _split_by_step(self, step: int) -> tuple[list[Row], list[Row]]:
        rows = _rows(self.path.read_bytes())
        kept = [row for row in rows if _is_before(row, step)]
        return kept, [row for row in rows if not _is_before(row, step)]

    def _split_at(self, size: int) -> tuple[list[Row], list[Row]]:
        content = self.path.read_bytes()
        return _rows(content[:size]), _rows(content[size:])


def _rows(content: bytes) -> list[Row]:
    lines = content.decode("utf-8", errors="replace").splitlines()
    return [row for row in csv.reader(lines) if row != HEADER]


def _is_before(row: Row, step: int) -> bool:
    # A row that a crash cut short is no row.
    return len(row) == len(HEADER) and (not row[0] or int(row[0]) < step)


def _append(path: Path, rows: Iterable[Row]) -> None:
    is_new = not path.exists()
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([*([HEADER] if is_new else []), *rows])


def _replace(path: Path, rows: Iterable[Row]) -> None:
    new = path.with_suffix(".part")
    new.unlink(missing_ok=True)
    _append(new, rows)
    os.replace(new, path)
