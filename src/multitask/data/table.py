"""A table of targets and a folder of images."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from lightning.pytorch.utilities import rank_zero_warn
from pandas import DataFrame, Series
from torch import Tensor

from multitask.data.base import DataModule
from multitask.data.cached_images import CachedImages
from multitask.data.cached_maps import CachedMaps
from multitask.data.dataset import BatchDataset
from multitask.data.duplicates import Duplicates, equal_places, input_hashes
from multitask.data.row_division import Places, RowDivision
from multitask.data.split_check import SPLITS
from multitask.data.splits import GroupedSplit, Split
from multitask.data.targets import rows_of
from multitask.errors import InputError
from multitask.geometry import Geometry
from multitask.images.brightness import levels_remark, looked_up_levels
from multitask.images.cache import ImageCache
from multitask.images.format import Fit, ImageFormat, size_of
from multitask.images.maps.map_cache import MapCache
from multitask.images.resizing import resized
from multitask.tables.box_columns import SIDES, corners
from multitask.tables.box_list_columns import box_lists, check_boxes
from multitask.tables.cleaning import Cleaning, Finding, Findings
from multitask.tables.label_columns import check_labels, label_numbers
from multitask.tables.map_columns import map_files, map_findings
from multitask.tables.table_rows import TableRows, located, read_rows
from multitask.tables.table_sources import find_sources, tables
from multitask.tables.target_cells import Cell, blank, class_numbers, hot_numbers, numbers
from multitask.tables.target_columns import TargetColumns, check_columns, target_columns
from multitask.tables.target_remarks import table_remarks, target_remarks

ALL_ERRORS = Cleaning()


class Table(DataModule):
    """Images in a folder, and a table with a row for each: CSV, Parquet or JSON Lines.

    Empty cells are missing targets. By default the table follows the ImageFolder convention of
    Hugging Face: ``metadata.csv`` beside the images, with a column ``file_name``.

    Args:
        targets: each task's columns, by task: a `TargetColumns`, or from Python a dictionary of its
            settings, or the name of a column of numbers.
        path: the table; or a folder with ``metadata.csv``, ``.jsonl`` or ``.parquet``; or one whose
            folders are classes, in a column ``label``; or one with one of these in each of its
            folders ``train``, ``validation`` and ``test``.
        train: instead of ``path``, the table of the training set, or the folder that has it.
        val: the validation set's.
        test: the test set's.
        image_column: the column of file names, or of images in the cells of a Parquet file.
        image_folder: what file names are relative to; default: the table's folder.
        image_ending: put behind each file name that lacks it, such as ``.png``.
        image_size: pixels of a side, or ``[height, width]``, to which images are resized.
        channels: 3 for colour, 1 for grey.
        fit: how an image of another shape is resized.
        white: the value of 16-bit grey images that becomes white.
        most_pixels: larger images count as ``huge_image``.
        split: how one table's rows are divided; default: by the column that says which split a
            row belongs to (such as ``split``), or at random if there is none.
        cleaning: what to do about rows and cells that cannot be used.
        missing: what means that a target is missing, beside the empty cell; a number stands for
            itself in any form.
        separator: what stands between the cells of a CSV file; default: a comma.
        cache_folder: where decoded images are kept.
        cache_limit: gigabytes that they may take.
        options: see `DataModule`.
    """

    divides_meta = True

    def __init__(
        self,
        targets: dict[str, TargetColumns],
        path: Path | None = None,
        train: Path | None = None,
        val: Path | None = None,
        test: Path | None = None,
        image_column: str = "file_name",
        image_folder: Path | None = None,
        image_ending: str = "",
        image_size: int | list[int] = 224,
        channels: int = 3,
        fit: Fit = "stretch",
        white: int = 65535,
        most_pixels: int = 89_478_485,
        split: Split | None = None,
        cleaning: Cleaning = ALL_ERRORS,
        missing: Sequence[str | int | float] = (),
        separator: str | None = None,
        cache_folder: Path | None = None,
        cache_limit: float = 100.0,
        **options: Any,
    ) -> None:
        super().__init__(**options)
        if not targets:
            raise InputError("targets is empty; name each task's columns")
        columns = {name: target_columns(name, each) for name, each in targets.items()}
        for name, target in columns.items():
            check_columns(name, target, missing)
            check_labels(name, target, missing)
            check_boxes(name, target)
        self.target_columns, self.missing = columns, tuple(missing)
        may_lack = ("val", "test") if split is not None else self.without
        files = {"train": train, "val": val, "test": test}
        self.sources = find_sources(path, files, image_folder, may_lack)
        have_tables = {each.split for each in self.sources} == set(SPLITS)
        if split is not None and have_tables and self.meta is None:
            raise InputError(
                "split is given, but each split has a table of its own; leave split out, or give "
                "path alone with one table"
            )
        height, width = size_of(image_size)
        self.format = ImageFormat(height, width, channels, fit, white, most_pixels)
        self.image_column, self.separator = image_column, separator
        self.image_ending = image_ending
        self.split, self.cleaning = split, cleaning
        self.cache_folder, self.cache_limit = cache_folder, cache_limit
        self.kept_columns: list[str] = []
        """Columns beside those of the targets that `load` needs."""
        self.findings = DataFrame()
        self.skipped = DataFrame()
        self._rows: dict[str, Tensor] = {}
        self._files: list[str] = []
        self._groups: list[str] | None = None
        self._numbers: list[int] = []
        self._map_files: dict[str, list[str]] = {}
        self._without_rows: set[int] = set()

    def load(self) -> dict[str, BatchDataset]:
        findings = Findings(self.cleaning)
        columns = [name for each in self.target_columns.values() for name in each.names]
        columns += self.kept_columns
        rows = read_rows(
            self.sources,
            self.image_column,
            columns,
            self.separator,
            self.image_ending,
            self.cache_folder,
        )
        rows = located(rows, self.image_column, findings)
        targets = self._read_targets(rows, findings)
        self.cache = ImageCache(rows.paths, self.format, self.cache_folder, self.cache_limit)
        self.cache.build()
        usable, gone = self._usable(rows, findings)
        levels = looked_up_levels(rows.paths)
        if levels and (said := levels_remark(levels, self.format.white)) is not None:
            self.remarks.append(said)
        self._follow_resizing(targets, usable)
        stored = self._stored_maps(rows, usable, findings)
        parts = self.divide(rows.without(gone, findings))
        self._rows = {split: usable[torch.from_numpy(places)] for split, places in parts.items()}
        self._files, self._numbers = rows.files, rows.table.index.tolist()
        self._groups = self._grouped(rows.table)
        self.findings, self.skipped = findings.frame(), findings.frame(skipped_only=True)
        if said := findings.summary():
            rank_zero_warn(f"{tables(self.sources)}: {said}")
        return {
            split: CachedImages(
                self.cache,
                at,
                {name: rows_of((targets | stored)[name], at) for name in self.target_columns},
            )
            for split, at in self._rows.items()
        }

    def divide(self, rows: TableRows) -> dict[str, Places]:
        """Which split each row belongs to.

        Args:
            rows: those that are used.

        Returns:
            By split, places of its rows, int64; without splits that have none.

        Raises:
            InputError: if they cannot be divided as is wanted.
        """
        held = [name for each in self.target_columns.values() for name in each.names]
        return RowDivision(self.split, self.meta, self.seed, held, self.image_column).divide(rows)

    def absent(self) -> set[str]:
        return super().absent() | (self.split.absent() if self.split is not None else set())

    def cure_of_leaks(self, groups: Sequence[Duplicates], name: str = "image") -> str:
        same_file = all(
            len({self._files[int(self._rows[split][place])] for split, place in each.samples}) == 1
            for each in groups
        )
        if same_file:
            return (
                "keep the rows of a file together with "
                "data.init_args.split=multitask.data.splits.GroupedSplit and "
                f"data.init_args.split.init_args.by={self.image_column}"
            )
        return (
            "take the later ones out with data.init_args.cleaning.equal_pixels=skip, or keep what "
            "belongs together with multitask.data.splits.GroupedSplit"
        )

    def own_geometry(self) -> dict[str, Geometry]:
        columns = self.target_columns.items()
        return {name: each.geometry for name, each in columns if each.geometry is not None}

    def image_format(self) -> ImageFormat:
        return self.format

    def names(self, split: str) -> list[str]:
        """The samples' image files, as the table has them."""
        self.setup()
        return [self._files[place] for place in self._rows[split].tolist()]

    def class_names(self) -> dict[str, list[str]]:
        columns = self.target_columns.items()
        return {name: each.class_names for name, each in columns if each.class_names}

    def element_names(self) -> dict[str, list[str]]:
        columns = self.target_columns.items()
        several = {name: each.names for name, each in columns if len(each.names) > 1}
        several |= {name: each.label_names for name, each in columns if each.label_names}
        return several | {name: list(SIDES) for name, each in columns if each.box is not None}

    def tables(self) -> list[dict[str, Any]]:
        """How a table with the same columns is read.

        Returns:
            One dictionary: ``targets``, by task the arguments of `TargetColumns`, with a
            ``map_folder`` that is in the table's folder relative to it;
            ``image_column``, ``image_ending``, ``separator`` and ``missing`` as in the arguments;
            ``group``, the column whose groups the splits kept together, and ``before``: see
            `multitask.data.splits.GroupedSplit`.
        """
        split = self.split if isinstance(self.split, GroupedSplit) else None
        targets = {
            name: {
                "columns": each.columns,
                "classes": None if each.map or each.boxes else each.class_names or None,
                "follows": self.geometry.get(name),
                "missing": list(map(str, each.missing)),
                **self._told_map(each),
                **_told_labels(each),
                **({} if each.box is None else {"box": each.box}),
                **({} if each.boxes is None else {"boxes": each.boxes}),
            }
            for name, each in self.target_columns.items()
            # A file of boxes is about the images of one table.
            if each.boxes is None or each.boxes.is_in_table
        }
        return [
            {
                "targets": targets,
                "image_column": self.image_column,
                "image_ending": self.image_ending,
                "separator": self.separator,
                "missing": list(map(str, self.missing)),
                "group": split and split.by,
                "before": split and split.before,
            }
        ]

    def groups(self, split: str) -> tuple[str, list[Any]] | None:
        """The groups that the splits keep together, if they do."""
        self.setup()
        if self._groups is None or not isinstance(self.split, GroupedSplit):
            return None
        return self.split.by, [self._groups[place] for place in self._rows[split].tolist()]

    def records(self) -> dict[str, DataFrame]:
        """``splits.csv``: each sample's file, row and split; ``skipped.csv``: what was left out."""
        self.setup()
        splits = {place: split for split, at in self._rows.items() for place in at.tolist()}
        rows = [(self._files[at], self._numbers[at], splits[at]) for at in sorted(splits)]
        return {
            "splits.csv": DataFrame(rows, columns=["file", "row", "split"]),
            "skipped.csv": self.skipped,
        }

    def _told_map(self, target: TargetColumns) -> dict[str, Any]:
        if target.map is None:
            return {}
        told: dict[str, Any] = {"map": target.map, "map_ending": target.map_ending}
        own = self.sources[0].folder.resolve()
        # Another folder is not one that another table has.
        if target.map_folder is not None and target.map_folder.resolve().is_relative_to(own):
            told["map_folder"] = target.map_folder.resolve().relative_to(own).as_posix()
        return told

    def _grouped(self, table: DataFrame) -> list[str] | None:
        is_grouped = isinstance(self.split, GroupedSplit) and self.split.by in table
        return self.split.groups(table) if is_grouped else None  # type: ignore[union-attr]

    def _read_targets(self, rows: TableRows, findings: Findings) -> dict[str, Tensor]:
        found: dict[str, Tensor] = {}
        matched: set[str] = set()
        known: dict[str, Series] = {}
        for name, target in self.target_columns.items():
            own: set[str] = set()
            missing = (*self.missing, *target.missing)
            cells = {each: blank(rows.table[each], missing, own) for each in target.names}
            if target.map is not None:
                files = map_files(rows, name, target, cells[target.names[0]], findings)
                self._map_files[name], lost = files
                self._without_rows |= lost
                matched |= own
                continue
            if target.boxes is not None:
                found[name], problems = box_lists(target, cells)
                _report(rows, problems, findings)
                matched |= own
                continue
            if target.labels is not None:
                found[name], problems = label_numbers(cells, target)
            elif target.classes is None:
                found[name], problems = numbers(cells)
            elif len(cells) > 1:
                found[name], problems = hot_numbers(cells, target.class_names)
            else:
                ((column, values),) = cells.items()
                found[name], problems = class_numbers(column, values, target.class_names)
            if target.box is not None:
                unreadable = {each.place for each in problems}
                found[name], others = corners(name, target, found[name], unreadable)
                problems = [*problems, *others]
            _report(rows, problems, findings)
            matched |= own
            self.remarks += target_remarks(name, target, cells, own)
            known |= cells
        read = {
            name: each for name, each in self.target_columns.items() if not (each.map or each.boxes)
        }
        self.remarks += table_remarks(read, known, self.missing, matched)
        return found

    def _usable(self, rows: TableRows, findings: Findings) -> tuple[Tensor, set[int]]:
        problems = dict(sorted(self.cache.problems.items()))
        findings.add(
            [Finding(rows.row(place), each.kind, each.reason) for place, each in problems.items()]
        )
        places = [place for place in range(len(rows)) if place not in problems]
        usable = torch.tensor(places, dtype=torch.int64)
        gone = set(problems) | self._without_rows
        if findings.policy("equal_pixels") != "keep":
            gone |= self._same_pixels(rows, usable, findings)
        kept = [place for place in places if place not in gone]
        return torch.tensor(kept, dtype=torch.int64), gone

    def _same_pixels(self, rows: TableRows, usable: Tensor, findings: Findings) -> set[int]:
        found: dict[int, int] = {}
        for each in equal_places(input_hashes(CachedImages(self.cache, usable, {}))):
            first, *later = usable[each].tolist()
            found.update(dict.fromkeys(later, first))
        findings.add(
            [
                Finding(
                    rows.row(later),
                    "equal_pixels",
                    f"its image has the same pixels as that of row {rows.row(first).number}, "
                    f"{rows.files[first]}",
                )
                for later, first in sorted(found.items())
            ]
        )
        return set(found)

    def _stored_maps(
        self, rows: TableRows, usable: Tensor, findings: Findings
    ) -> dict[str, CachedMaps]:
        found: dict[str, CachedMaps] = {}
        for name, files in self._map_files.items():
            target = self.target_columns[name]
            assert target.map is not None
            at = torch.tensor([place for place in usable.tolist() if files[place]]).long()
            cache = MapCache(
                [files[place] for place in at.tolist()],
                self.cache.sizes[at],
                target.map,
                self.format,
                self.cache_folder,
                self.cache_limit,
            )
            cache.build()
            problems = {int(at[place]): each for place, each in cache.problems.items()}
            findings.add(map_findings(rows, target.names[0], files, problems))
            places = torch.full((len(rows),), -1)
            places[at] = torch.arange(len(at))
            places[list(problems)] = -1
            found[name] = CachedMaps(cache, places)
        return found

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


def _told_labels(target: TargetColumns) -> dict[str, Any]:
    if target.labels is None:
        return {}
    return {"labels": target.label_names, "between": target.between, "none": target.none}


def _report(rows: TableRows, cells: Sequence[Cell], findings: Findings) -> None:
    findings.add(
        [
            Finding(rows.row(cell.place), cell.kind, cell.reason, cell.column, cell.hint)
            for cell in sorted(cells, key=lambda cell: cell.place)
        ]
    )
