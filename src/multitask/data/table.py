"""A table of targets, with inputs or a folder of images."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from lightning.pytorch.utilities import rank_zero_warn
from pandas import DataFrame
from torch import Tensor

from multitask.data.base import DataModule
from multitask.data.cached_images import TableImages
from multitask.data.cached_maps import CachedMaps
from multitask.data.dataset import BatchDataset
from multitask.data.duplicates import Duplicates, equal_places, input_hashes
from multitask.data.row_division import Places, RowDivision
from multitask.data.split_check import SPLITS
from multitask.data.splits import GroupedSplit, Split
from multitask.data.table_inputs import check_inputs, read_inputs
from multitask.data.table_samples import TableSamples
from multitask.data.table_targets import read_targets
from multitask.data.targets import rows_of
from multitask.errors import InputError
from multitask.geometry import Geometry
from multitask.images.brightness import levels_remark, looked_up_levels
from multitask.images.format import Fit, ImageFormat, size_of
from multitask.images.maps.map_cache import MapCache
from multitask.images.resizing import resized
from multitask.tables.box_columns import SIDES
from multitask.tables.box_list_columns import check_boxes
from multitask.tables.cleaning import Cleaning, Finding, Findings
from multitask.tables.input_columns import InputColumns, input_columns
from multitask.tables.label_columns import check_labels
from multitask.tables.map_columns import map_findings
from multitask.tables.table_rows import TableRows, located, read_rows
from multitask.tables.table_sources import find_sources, tables
from multitask.tables.target_columns import TargetColumns, check_columns, target_columns
from multitask.tables.token_columns import check_tokens
from multitask.tokenizers import Tokenizer

ALL_ERRORS = Cleaning()


class Table(DataModule):
    """A table with one row per sample: CSV, Parquet or JSON Lines.

    The inputs are images in a folder, texts or numbers in the table, or a combination of these.
    Empty cells are missing targets. By default the table follows the ImageFolder convention of
    Hugging Face: ``metadata.csv`` beside the images, with a column ``file_name``.

    Args:
        targets: the columns of each task, by task: a `TargetColumns`, or from Python a dictionary
            of its settings, or the name of a numeric column. None are needed if ``computed`` is
            given.
        path: the table; or a folder with ``metadata.csv``, ``.jsonl`` or ``.parquet``; or a folder
            whose subfolders are classes, in a column ``label``; or a folder with one of these in
            each of the subfolders ``train``, ``validation`` and ``test``.
        train: instead of ``path``, the table of the training set, or the folder that contains it.
        val: likewise for the validation set.
        test: likewise for the test set.
        inputs: texts, and numbers with categories, by input name, such as ``text``: an
            `InputColumns`, or from Python a dictionary of its settings.
        image_column: the column of file names, or of images in the cells of a Parquet file; None if
            there are no images.
        image_folder: the folder that file names are relative to; default: the table's folder.
        image_ending: suffix to append to file names that lack it, such as ``.png``.
        image_size: side length in pixels, or ``[height, width]``, to which images are resized.
        channels: 3 for colour, 1 for grey.
        fit: how images with another aspect ratio are resized.
        white: the value of 16-bit grey images that is mapped to white.
        most_pixels: most pixels of an image; larger images count as ``huge_image``.
        split: how the rows of a single table are divided; default: by the column that specifies the
            split of each row (such as ``split``), or at random if there is none.
        cleaning: how to handle rows and cells that cannot be used.
        missing: values that mark a missing target, besides the empty cell; a number matches in any
            format.
        separator: separator of the cells of a CSV file; default: a comma.
        cache_folder: folder of decoded images.
        cache_limit: largest size of the cached images in gigabytes.
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
        inputs: dict[str, InputColumns] | None = None,
        image_column: str | None = "file_name",
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
        if not targets and not self.computed_targets:
            raise InputError("targets is empty; name each task's columns, or computed targets")
        self.input_columns = {
            name: input_columns(name, each, missing) for name, each in (inputs or {}).items()
        }
        columns = {name: target_columns(name, each) for name, each in targets.items()}
        for name, target in columns.items():
            check_columns(name, target, missing)
            check_labels(name, target, missing)
            check_boxes(name, target)
            check_tokens(name, target, self.input_columns)
        self.target_columns, self.missing = columns, tuple(missing)
        check_inputs(self.input_columns, columns, image_column, image_folder, image_ending)
        may_lack = ("val", "test") if split is not None else self.without
        files = {"train": train, "val": val, "test": test}
        self.sources = find_sources(path, files, image_folder, may_lack)
        have_tables = {each.split for each in self.sources} == set(SPLITS)
        if split is not None and have_tables and self.meta is None:
            raise InputError(
                "split is given, but each split already has a table; remove split, or give "
                "only path, with one table"
            )
        height, width = size_of(image_size)
        self.format = ImageFormat(height, width, channels, fit, white, most_pixels)
        self.image_column, self.separator = image_column, separator
        self.image_ending = image_ending
        self.split, self.cleaning = split, cleaning
        self.cache_folder, self.cache_limit = cache_folder, cache_limit
        self.kept_columns: list[str] = []
        """Columns that `load` needs besides those of the targets."""
        self.findings = DataFrame()
        self.skipped = DataFrame()
        self._rows: dict[str, Tensor] = {}
        self._files: list[str] = []
        self._texts: dict[str, list[str]] = {}
        self._groups: list[str] | None = None
        self._numbers: list[int] = []
        self._map_files: dict[str, list[str]] = {}

    def load(self) -> dict[str, BatchDataset]:
        findings = Findings(self.cleaning)
        rows = self._read_rows(findings)
        inputs, lacking = read_inputs(rows, self.input_columns, self.missing, findings)
        read = read_targets(
            rows, self.target_columns, self.missing, findings, inputs, self.input_columns
        )
        targets, self._map_files = read.values, read.map_files
        images = self._read_images(rows)
        usable, gone = self._usable(rows, images, read.without_map | lacking, findings)
        if images is not None:
            self._follow_resizing(targets, images, usable)
        stored = self._stored_maps(rows, images, usable, findings)
        parts = self.divide(rows.without(gone, findings))
        self._rows = {split: usable[torch.from_numpy(places)] for split, places in parts.items()}
        self._numbers, self._texts = rows.table.index.tolist(), inputs.texts
        self._files = rows.files if images is not None else _row_names(rows)
        self._groups = self._grouped(rows.table)
        self.remarks += [*read.remarks, *inputs.remarks]
        self.findings, self.skipped = findings.frame(), findings.frame(skipped_only=True)
        if said := findings.summary():
            rank_zero_warn(f"{tables(self.sources)}: {said}")
        return {
            split: TableSamples(
                at,
                images,
                inputs.values,
                {name: rows_of((targets | stored)[name], at) for name in self.target_columns},
            )
            for split, at in self._rows.items()
        }

    def divide(self, rows: TableRows) -> dict[str, Places]:
        """Determine the split of each row.

        Args:
            rows: the rows that are used.

        Returns:
            By split, indices of its rows, int64; splits without rows are omitted.

        Raises:
            InputError: if the rows cannot be divided as specified.
        """
        held = [name for each in self.target_columns.values() for name in each.names]
        inputs = [name for each in self.input_columns.values() for name in each.names]
        inputs += [] if self.image_column is None else [self.image_column]
        return RowDivision(self.split, self.meta, self.seed, held, inputs).divide(rows)

    def absent(self) -> set[str]:
        return super().absent() | (self.split.absent() if self.split is not None else set())

    def cure_of_leaks(self, groups: Sequence[Duplicates], name: str = "image") -> str:
        if name in self.input_columns:
            columns = self.input_columns[name].names
            return _cure_of_texts(columns[0] if len(columns) == 1 else None)
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
            "skip the later ones with data.init_args.cleaning.equal_pixels=skip, or keep related "
            "rows together with multitask.data.splits.GroupedSplit"
        )

    def own_geometry(self) -> dict[str, Geometry]:
        columns = self.target_columns.items()
        return {name: each.geometry for name, each in columns if each.geometry is not None}

    def image_format(self) -> ImageFormat | None:
        return None if self.image_column is None else self.format

    def names(self, split: str) -> list[str]:
        """Return the samples' image files, as in the table; ``row 17`` without images."""
        self.setup()
        return [self._files[place] for place in self._rows[split].tolist()]

    def texts(self, split: str) -> dict[str, list[str]]:
        self.setup()
        places = self._rows[split].tolist()
        return {name: [each[at] for at in places] for name, each in self._texts.items()}

    def written_inputs(self) -> dict[str, InputColumns]:
        return {
            name: replace(each, missing=[*self.missing, *each.missing])
            for name, each in self.input_columns.items()
        }

    def texts_of_words(self, split: str) -> dict[str, tuple[list[str], Tokenizer]]:
        texts = self.texts(split)
        found = {}
        for name, target in self.target_columns.items():
            if target.tokens_of is not None:
                tokenizer = self.input_columns[target.tokens_of].tokenizer
                assert tokenizer is not None
                found[name] = texts[target.tokens_of], tokenizer
        return found

    def class_names(self) -> dict[str, list[str]]:
        columns = self.target_columns.items()
        return {name: each.class_names for name, each in columns if each.class_names}

    def element_names(self) -> dict[str, list[str]]:
        columns = self.target_columns.items()
        several = {name: each.names for name, each in columns if len(each.names) > 1}
        several |= {
            name: each.label_names
            for name, each in columns
            if each.label_names and each.tokens_of is None
        }
        return several | {name: list(SIDES) for name, each in columns if each.box is not None}

    def tables(self) -> list[dict[str, Any]]:
        """How a table with the same columns is read.

        Returns:
            One dictionary: ``targets``, by task the arguments of `TargetColumns`, where a
            ``map_folder`` in the table's folder is relative to it; ``inputs``, by input the
            arguments of `InputColumns`; ``image_column``, ``image_ending``, ``separator`` and
            ``missing`` as in the arguments; ``group``, the column whose groups the splits kept
            together, and ``before``: see `multitask.data.splits.GroupedSplit`.
        """
        split = self.split if isinstance(self.split, GroupedSplit) else None
        targets = {
            name: {
                "columns": each.columns,
                "classes": None if each.classes is None else each.class_names,
                "follows": self.geometry.get(name),
                "missing": list(map(str, each.missing)),
                **self._told_map(each),
                **_told_labels(each),
                **({} if each.box is None else {"box": each.box}),
                **({} if each.boxes is None else {"boxes": each.boxes}),
            }
            for name, each in self.target_columns.items()
            # A file of boxes refers to the images of one table.
            if each.boxes is None or each.boxes.is_in_table
        }
        return [
            {
                "targets": targets,
                "inputs": {name: dict(vars(each)) for name, each in self.input_columns.items()},
                "image_column": self.image_column,
                "image_ending": self.image_ending,
                "separator": self.separator,
                "missing": list(map(str, self.missing)),
                "group": split and split.by,
                "before": split and split.before,
            }
        ]

    def groups(self, split: str) -> tuple[str, list[Any]] | None:
        """Return the groups that the splits keep together, if any."""
        self.setup()
        if self._groups is None or not isinstance(self.split, GroupedSplit):
            return None
        return self.split.by, [self._groups[place] for place in self._rows[split].tolist()]

    def records(self) -> dict[str, DataFrame]:
        """``splits.csv``: file, row and split of each sample; ``skipped.csv``: what was skipped."""
        self.setup()
        splits = {place: split for split, at in self._rows.items() for place in at.tolist()}
        rows = [(self._files[at], self._numbers[at], splits[at]) for at in sorted(splits)]
        return {
            "splits.csv": DataFrame(rows, columns=["file", "row", "split"]),
            "skipped.csv": self.skipped,
        }

    def _read_rows(self, findings: Findings) -> TableRows:
        columns = [name for each in self.target_columns.values() for name in each.names]
        columns += [name for each in self.input_columns.values() for name in each.names]
        rows = read_rows(
            self.sources,
            self.image_column,
            [*columns, *self.kept_columns],
            self.separator,
            self.image_ending,
            self.cache_folder,
        )
        if self.image_column is None:
            return rows
        return located(rows, self.image_column, findings, may_repeat=bool(self.input_columns))

    def _told_map(self, target: TargetColumns) -> dict[str, Any]:
        if target.map is None:
            return {}
        told: dict[str, Any] = {"map": target.map, "map_ending": target.map_ending}
        own = self.sources[0].folder.resolve()
        # Another table does not have this folder.
        if target.map_folder is not None and target.map_folder.resolve().is_relative_to(own):
            told["map_folder"] = target.map_folder.resolve().relative_to(own).as_posix()
        return told

    def _grouped(self, table: DataFrame) -> list[str] | None:
        is_grouped = isinstance(self.split, GroupedSplit) and self.split.by in table
        return self.split.groups(table) if is_grouped else None  # type: ignore[union-attr]

    def _read_images(self, rows: TableRows) -> TableImages | None:
        if self.image_column is None:
            return None
        images = TableImages(rows.paths, self.format, self.cache_folder, self.cache_limit)
        self.cache = images.cache
        levels = looked_up_levels([each for each in rows.paths if each])
        if levels and (said := levels_remark(levels, self.format.white)) is not None:
            self.remarks.append(said)
        return images

    def _usable(
        self, rows: TableRows, images: TableImages | None, lacking: set[int], findings: Findings
    ) -> tuple[Tensor, set[int]]:
        problems = images.problems if images is not None else {}
        findings.add(
            [Finding(rows.row(place), each.kind, each.reason) for place, each in problems.items()]
        )
        places = [place for place in range(len(rows)) if place not in problems]
        usable = torch.tensor(places, dtype=torch.int64)
        gone = set(problems) | lacking
        if images is not None and findings.policy("equal_pixels") != "keep":
            gone |= self._same_pixels(rows, images, usable, findings)
        kept = [place for place in places if place not in gone]
        return torch.tensor(kept, dtype=torch.int64), gone

    def _same_pixels(
        self, rows: TableRows, images: TableImages, usable: Tensor, findings: Findings
    ) -> set[int]:
        found: dict[int, int] = {}
        having = usable[images.has_image(usable)]
        for each in equal_places(input_hashes(TableSamples(having, images, {}, {}))):
            first, *later = having[each].tolist()
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
        self, rows: TableRows, images: TableImages | None, usable: Tensor, findings: Findings
    ) -> dict[str, CachedMaps]:
        found: dict[str, CachedMaps] = {}
        for name, files in self._map_files.items():
            target = self.target_columns[name]
            assert target.map is not None
            assert images is not None
            at = torch.tensor([place for place in usable.tolist() if files[place]]).long()
            cache = MapCache(
                [files[place] for place in at.tolist()],
                images.sizes[at],
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

    def _follow_resizing(
        self, targets: Mapping[str, Tensor], images: TableImages, usable: Tensor
    ) -> None:
        usable = usable[images.has_image(usable)]
        sizes = images.sizes[usable]
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
    told = {"labels": target.label_names, "between": target.between, "none": target.none}
    return told if target.tokens_of is None else {**told, "tokens_of": target.tokens_of}


def _cure_of_texts(column: str | None) -> str:
    if column is None:
        return "keep each in only one split"
    return (
        "keep the rows of a text together with "
        "data.init_args.split=multitask.data.splits.GroupedSplit and "
        f"data.init_args.split.init_args.by={column}"
    )


def _row_names(rows: TableRows) -> list[str]:
    prefixes = [each.prefix for each in rows.sources]
    return [
        f"{prefixes[source]}row {number}"
        for source, number in zip(rows.source.tolist(), rows.table.index.tolist(), strict=True)
    ]
