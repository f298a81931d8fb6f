"""Metrics as a CSV file that survives a crash of the run."""

from __future__ import annotations

import csv
import os
import re
from codecs import BOM_UTF8
from collections.abc import Iterable, Mapping
from io import StringIO
from pathlib import Path
from typing import Any

from lightning.pytorch.loggers import Logger
from lightning.pytorch.utilities import rank_zero_only, rank_zero_warn

from multitask.checkpoints.atomic_writing import writing
from multitask.errors import naming

HEADER = ["step", "epoch", "name", "value"]
LINE_END = b"\r\n"
Row = list[Any]


class MetricsFile(Logger):
    """Append a row ``step,epoch,name,value`` for each value, and close the file each time.

    Nothing is therefore lost if the process is killed, and any metric may be logged at any step.

    Args:
        path: the CSV file; an existing file is continued.
    """

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.path = path

    @property
    def name(self) -> str:
        """Empty: the file is in the run's folder."""
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
        """Append one row for each value except ``epoch``, which is a column."""
        epoch = metrics.get("epoch", "")
        rows = [[step, epoch, name, value] for name, value in metrics.items() if name != "epoch"]
        _append(self.path, rows)

    @rank_zero_only
    def log_hyperparams(self, params: Any, *args: Any, **kwargs: Any) -> None:
        """Do nothing: the run's configuration is a separate file."""

    @property
    def size(self) -> int:
        """The number of bytes so far."""
        return self.path.stat().st_size if self.path.exists() else 0

    @rank_zero_only
    def rewind(self, step: int, size: int | None = None) -> None:
        """Remove what was logged after the checkpoint that a run resumes from.

        The rows are moved to ``<name>-dropped.csv`` beside the file, so that nothing is lost.

        Args:
            step: number of optimizer steps in the checkpoint; rows count steps from 0.
            size: value of `size` at the checkpoint. Older checkpoints have only steps, which cannot
                distinguish rows before and after a checkpoint of the same step.
        """
        found = self.path.read_bytes() if self.path.exists() else b""
        # An editor may have inserted it, which moves everything after it.
        content = found.removeprefix(BOM_UTF8)
        before = content[:size]
        is_whole = not size or (len(before) == size and before.endswith(LINE_END))
        if not is_whole:
            rank_zero_warn(
                f"{self.path} has changed since the checkpoint was saved, so earlier metrics may "
                "be missing from it"
            )
        by_step = size is None or not is_whole
        # If the file were cut within a row, a value would lose digits.
        judged = [(row, _is_before(row, step)) for row in _rows(content)]
        if not by_step:
            judged = [(row, _is_row(row)) for row in _rows(before)]
            judged += [(row, False) for row in _rows(content[len(before) :])]
        kept = [row for row, is_kept in judged if is_kept]
        dropped = [row for row, is_kept in judged if not is_kept]
        if dropped:
            _append(self.path.with_stem(f"{self.path.stem}-dropped"), dropped)
        if dropped or (found and not found.startswith(_written([HEADER]))):
            _replace(self.path, kept)


def _rows(content: bytes) -> list[Row]:
    lines = content.decode("utf-8", errors="replace").splitlines()
    return [row for row in csv.reader(lines) if row and row != HEADER]


def _is_before(row: Row, step: int) -> bool:
    return _is_row(row) and (not row[0] or int(row[0]) < step)


def _is_row(row: Row) -> bool:
    # A row that a crash truncated is not a row.
    return len(row) == len(HEADER) and bool(re.fullmatch("-?[0-9]{0,18}", row[0]))


def _append(path: Path, rows: Iterable[Row]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with naming(path), path.open("ab+", buffering=0) as file:
        size = file.seek(0, os.SEEK_END)
        begin = _written([HEADER])
        if size:
            file.seek(-1, os.SEEK_END)
            # The end of a truncated row, for example after a power failure.
            begin = b"" if file.read(1) == b"\n" else LINE_END
        content = memoryview(begin + _written(rows))
        try:
            while content:
                content = content[file.write(content) :]
        except OSError:
            # Remove the partial row that a full disk may have left.
            file.truncate(size)
            raise


def _written(rows: Iterable[Row]) -> bytes:
    text = StringIO(newline="")
    csv.writer(text).writerows(rows)
    return text.getvalue().encode("utf-8")


def _replace(path: Path, rows: Iterable[Row]) -> None:
    with writing(path) as part:
        part.write_bytes(_written([HEADER, *rows]))
