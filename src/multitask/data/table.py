"""A table of targets and a folder of images."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from lightning.pytorch.utilities import rank_zero_warn
from pandas import DataFrame
from torch import Tensor

from multitask.data.base import DataModule
from multitask.data.cached_images import CachedImages
from multitask.data.dataset import BatchDataset
from multitask.data.split_check import SPLITS
from multitask.data.splits import ByColumn, RandomSplit, Split
from multitask.errors import InputError
from multitask.geometry import Geometry
from multitask.images.cache import ImageCache
from multitask.images.format import Fit, ImageFormat, size_of
from multitask.images.resizing import resized
from multitask.tables.cleaning import Cleaning, Finding, Findings
from multitask.tables.table_rows import TableRows, located, read_rows
from multitask.tables.table_sources import find_sources, tables
from multitask.tables.target_columns import (
    Cell,
    TargetColumns,
    blank,
    check_columns,
    class_numbers,
    numbers,
)

SPLIT_COLUMN = "split"
ALL_ERRORS = Cleaning()


class Table(DataModule):
    """Images in a folder, and a table with a row for each: CSV, Parquet or JSON Lines.

    Empty cells are missing targets. By default the table follows the ImageFolder convention of
    Hugging Face: ``metadata.csv`` beside the images, with a column ``file_name``.

    Args:
        targets: each task's columns, by task.
        path: the table; or a folder with ``metadata.csv``, ``.jsonl`` or ``.parquet``, or with one
            of them in each of its folders ``train``, ``validation`` and ``test``.
        train: instead of ``path``, the table of the training set, or the folder that has it.
        val: the validation set's.
        test: the test set's.
        image_column: the column of file names.
        image_folder: what file names are relative to; the table's folder where not given.
        image_size: pixels of a side, or ``[height, width]``, to which images are resized.
        channels: 3 for colour, 1 for grey.
        fit: how an image of another shape is resized.
        white: the value of 16-bit grey images that becomes white.
        most_pixels: larger images count as ``huge_image``.
        split: how one table's rows are divided; by its column ``split`` where it has one, else
            at random, where not given.
        cleaning: what to do about rows and cells that cannot be used.
        missing: texts that mean that a target is missing, beside the empty cell.
        separator: what stands between the cells of a CSV file, a comma where not given.
        cache_folder: where decoded images are kept.
        cache_limit: gigabytes that they may take.
        options: see `DataModule`.
    """

    def __init__(
        self,
        targets: dict[str, TargetColumns],
        path: Path | None = None,
        train: Path | None = None,
        val: Path | None = None,
        test: Path | None = None,
        image_column: str = "file_name",
        image_folder: Path | None = None,
        image_size: int | list[int] = 224,
        channels: int = 3,
        fit: Fit = "stretch",
        white: int = 65535,
        most_pixels: int = 89_478_485,
        split: Split | None = None,
        cleaning: Cleaning = ALL_ERRORS,
        missing: Sequence[str] = (),
        separator: str | None = None,
        cache_folder: Path | None = None,
        cache_limit: float = 100.0,
        **options: Any,
    ) -> None:
        super().__init__(**options)
        if not targets:
            raise InputError("targets is empty; name each task's columns")
        for name, target in targets.items():
            check_columns(name, target, missing)
        self.target_columns, self.missing = targets, tuple(missing)
        self.sources = find_sources(path, {"train": train, "val": val, "test": test}, image_folder)
        if split is not None and self.sources[0].split is not None:
            raise InputError(
                "split is given, but each split has a table of its own; leave split out, or give "
                "path alone with one table"
            )
        height, width = size_of(image_size)
        self.format = ImageFormat(height, width, channels, fit, white, most_pixels)
        self.image_column, self.separator = image_column, separator
        self.split, self.cleaning = split, cleaning
        self.cache_folder, self.cache_limit = cache_folder, cache_limit
        self.findings = DataFrame()
        self.skipped = DataFrame()
        self._rows: dict[str, Tensor] = {}
        self._files: list[str] = []
        self._numbers: list[int] = []

    def load(self) -> dict[str, BatchDataset]:
        findings = Findings(self.cleaning)
        columns = [name for each in self.target_columns.values() for name in each.names]
        rows = read_rows(self.sources, self.image_column, columns, self.separator)
        rows = located(rows, self.image_column, findings)
        targets = self._read_targets(rows, findings)
        self.cache = ImageCache(rows.paths, self.format, self.cache_folder, self.cache_limit)
        self.cache.build()
        usable = self._usable(rows, findings)
        self._follow_resizing(targets, usable)
        parts = self._divide(rows.without(set(self.cache.problems), findings))
        self._rows = {split: usable[torch.from_numpy(places)] for split, places in parts.items()}
        self._files, self._numbers = rows.files, rows.table.index.tolist()
        self.findings, self.skipped = findings.frame(), findings.frame(skipped_only=True)
        if said := findings.summary():
            rank_zero_warn(f"{tables(self.sources)}: {said}")
        return {
            split: CachedImages(self.cache, at, {name: each[at] for name, each in targets.items()})
            for split, at in self._rows.items()
        }

    def own_geometry(self) -> dict[str, Geometry]:
        columns = self.target_columns.items()
        return {name: each.follows for name, each in columns if each.follows is not None}

    def names(self, split: str) -> list[str]:
        """The samples' image files, as the table has them."""
        self.setup()
        return [self._files[place] for place in self._rows[split].tolist()]

    def class_names(self) -> dict[str, list[str]]:
        columns = self.target_columns.items()
        return {name: each.class_names for name, each in columns if each.classes}

    def element_names(self) -> dict[str, list[str]]:
        columns = self.target_columns.items()
        return {name: each.names for name, each in columns if len(each.names) > 1}

    def records(self) -> dict[str, DataFrame]:
        """``splits.csv``: each sample's file, row and split; ``skipped.csv``: what was left out."""
        self.setup()
        splits = {place: split for split, at in self._rows.items() for place in at.tolist()}
        rows = [(self._files[at], self._numbers[at], splits[at]) for at in sorted(splits)]
        return {
            "splits.csv": DataFrame(rows, columns=["file", "row", "split"]),
            "skipped.csv": self.skipped,
        }

    def _read_targets(self, rows: TableRows, findings: Findings) -> dict[str, Tensor]:
        found: dict[str, Tensor] = {}
        for name, target in self.target_columns.items():
            cells = {each: blank(rows.table[each], self.missing) for each in target.names}
            if target.classes is None:
                found[name], problems = numbers(cells)
            else:
                ((column, values),) = cells.items()
                found[name], problems = class_numbers(column, values, target.class_names)
            _report(rows, problems, findings)
        return found

    def _usable(self, rows: TableRows, findings: Findings) -> Tensor:
        problems = dict(sorted(self.cache.problems.items()))
        findings.add(
            [Finding(rows.row(place), each.kind, each.reason) for place, each in problems.items()]
        )
        places = [place for place in range(len(rows)) if place not in problems]
        return torch.tensor(places, dtype=torch.int64)

    def _follow_resizing(self, targets: Mapping[str, Tensor], usable: Tensor) -> None:
        sizes = self.cache.sizes[usable]
        for name, geometry in self.geometry.items():
            if name not in targets or not targets[name].is_floating_point():
                continue
            try:
                moved = resized(targets[name][usable], sizes, self.format, geometry)
            except InputError as error:
                raise InputError(f"targets, '{name}': {error}") from error
            targets[name][usable] = moved

    def _divide(self, rows: TableRows) -> Mapping[str, np.ndarray[Any, np.dtype[np.int64]]]:
        if rows.sources[0].split is not None:
            parts = {
                str(source.split): np.flatnonzero(rows.source == place)
                for place, source in enumerate(rows.sources)
            }
            return {split: parts[split] for split in SPLITS}
        by_column = ByColumn(SPLIT_COLUMN) if SPLIT_COLUMN in rows.table else None
        try:
            return (self.split or by_column or RandomSplit()).divide(rows.table, self.seed)
        except InputError as error:
            raise InputError(f"{rows.sources[0].table}: {error}") from error


def _report(rows: TableRows, cells: Sequence[Cell], findings: Findings) -> None:
    findings.add(
        [
            Finding(rows.row(cell.place), cell.kind, cell.reason, cell.column, cell.hint)
            for cell in sorted(cells, key=lambda cell: cell.place)
        ]
    )
