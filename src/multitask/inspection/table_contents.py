"""The contents of a table to be trained on: inputs, targets, and possible splits."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import pandas as pd

from multitask.data.splits import GivenSplit, given_split
from multitask.errors import InputError, nearest
from multitask.inspection.box_lists import refuse_rows_of_boxes
from multitask.inspection.column_kinds import Column, column_kinds
from multitask.inspection.groups import Group, find_group
from multitask.inspection.image_column import ImageColumn, find_images
from multitask.inspection.image_samples import ImageSample, table_images
from multitask.inspection.left_out_columns import why_left_out
from multitask.inspection.table_cells import missing_texts
from multitask.inspection.table_inputs import NUMBERS, TEXT, Choice, Wanted, choose, told_choice
from multitask.inspection.table_targets import Target, map_targets, table_targets
from multitask.tables.table_file import read_table, separator_of
from multitask.tables.table_sources import SPLITS, Source, find_sources
from multitask.tables.target_cells import cell_text

MOST_REASONS = 3
FIFTHS = 5


@dataclass(frozen=True)
class TableContents:
    """The contents of a table, or of the tables of several splits.

    Args:
        path: path of the table's file or folder.
        sources: the tables.
        rows: number of rows.
        separator: cell separator of a CSV file; None for the usual one.
        missing: texts that mark missing cells.
        image: the column of image files; None if the table has no images.
        image_folder: folder that image names are relative to; None for the table's folder.
        images: properties of a sample of the images; None if there are none.
        choice: which other columns are inputs.
        targets: the tasks.
        split: the column that specifies each row's split, if there is one.
        group: the column that specifies which rows must stay together.
        left_out: unused columns, and the reasons.
    """

    path: Path
    sources: list[Source]
    rows: int
    separator: str | None
    missing: list[str]
    image: ImageColumn | None
    image_folder: Path | None
    images: ImageSample | None
    choice: Choice
    targets: list[Target]
    split: GivenSplit | None
    group: Group | None
    left_out: dict[str, str]

    @property
    def channels(self) -> int:
        """Channels of the images: 1 if all are grey, otherwise 3."""
        return 1 if self.images is not None and self.images.grey else 3

    @property
    def image_size(self) -> tuple[int, int] | None:
        """A suitable height and width; even if there are maps, because decoders double sizes."""
        if self.images is None:
            return None
        height, width = self.images.size
        if any(each.maps for each in self.targets):
            return height + height % 2, width + width % 2
        return height, width

    @property
    def is_several(self) -> bool:
        """Whether there are several inputs, some of which a sample may lack."""
        return sum(each is not None for each in self._inputs) > 1

    def told(self) -> list[str]:
        """The choices, in lines for the screen."""
        tasks = [each.task for each in self.targets]
        image = None if self.image is None else self.image.name
        return told_choice(image, self.choice, tasks)

    @property
    def _inputs(self) -> tuple[object, ...]:
        return self.image, self.choice.text, self.choice.numbers

    @property
    def lacking(self) -> list[str]:
        """Splits that have no table although others have one."""
        own = {each.split for each in self.sources}
        return [] if own == {None} else [each for each in SPLITS if each not in own]


def read_contents(
    path: Path,
    image_column: str | None = None,
    image_folder: Path | None = None,
    keep_links: bool = False,
    wanted: Wanted | None = None,
) -> TableContents:
    """Read a table and infer the contents of its columns.

    Args:
        path: its file or folder: see `multitask.tables.table_sources.find_sources`.
        image_column: the column of images; default: inferred from the cells.
        image_folder: folder that image names are relative to; default: the table's folder.
        keep_links: whether links may lead outside the folder of images.
        wanted: the user's choice of columns.

    Raises:
        InputError: if there is no such table, none of its columns can be an input, none of the
            images is found, a column seems to specify the splits but cannot be used, or there are
            no targets.
    """
    if image_folder is not None and not image_folder.is_dir():
        raise InputError(f"--image_folder is {image_folder}, which does not exist")
    sources = find_sources(path, {}, image_folder, may_lack=("val", "test"))
    separator = separator_of(sources[0].table)
    table = _read(sources, separator)
    missing = missing_texts(table)
    columns = column_kinds(table, missing)
    _check_image_column(path, columns, image_column)
    image = find_images(path, table, columns, sources[0], image_column)
    split = _split(path, table, image, sources)
    apart = (image and image.name, split and split.column)
    others = [each for each in columns if each.name not in apart]
    wanted = _beside_images(wanted or Wanted(), image)
    choice = choose(path, table, others, wanted, image is not None, missing)
    if image is None and choice.text is None and choice.numbers is None:
        _refuse_no_input(path, columns)
    targets, no_maps = _targets(path, table, choice, image, sources, image_folder)
    group = None
    if split is None and sources[0].split is None:
        judged = [each for each in columns if each.name not in choice.inputs]
        group, targets = _group(table, judged, targets, image)
    used = {each.name for target in targets for each in target.columns} | choice.inputs
    left_out = _left_out(others, used, group, no_maps, choice)
    if not targets:
        _refuse_nothing(path, image, left_out)
    return TableContents(
        path=path,
        sources=sources,
        rows=len(table),
        separator=separator,
        missing=missing_texts(table[sorted(used)]),
        image=image,
        image_folder=image_folder,
        images=_images(path, table, image, image_folder, keep_links),
        choice=choice,
        targets=targets,
        split=split,
        group=group,
        left_out=left_out,
    )


def _images(
    path: Path,
    table: pd.DataFrame,
    image: ImageColumn | None,
    image_folder: Path | None,
    keep_links: bool,
) -> ImageSample | None:
    if image is None:
        return None
    return table_images(path, table[image.name], image, image_folder, keep_links)


def _targets(
    path: Path,
    table: pd.DataFrame,
    choice: Choice,
    image: ImageColumn | None,
    sources: Sequence[Source],
    image_folder: Path | None,
) -> tuple[list[Target], dict[str, str]]:
    """Return the targets, and for each unusable column of maps the reason."""
    missing = missing_texts(table)
    taken = [TEXT] * (choice.text is not None) + [NUMBERS] * (choice.numbers is not None)
    targets = table_targets(table, choice.targets, missing, image is not None, taken)
    if image is None:
        return targets, {}
    boxes = [[each.name for each in target.columns] for target in targets if target.box]
    refuse_rows_of_boxes(path, table[image.name], boxes, image.name)
    maps = map_targets(table, choice.targets, missing, sources, image_folder, targets)
    targets += [each for each in maps.values() if isinstance(each, Target)]
    return targets, {name: each for name, each in maps.items() if isinstance(each, str)}


def _beside_images(wanted: Wanted, image: ImageColumn | None) -> Wanted:
    """Remove the column of images, which is always an input."""
    if image is None or wanted.inputs is None:
        return wanted
    return replace(wanted, inputs=[each for each in wanted.inputs if each != image.name])


def _check_image_column(path: Path, columns: Sequence[Column], image_column: str | None) -> None:
    names = [each.name for each in columns]
    if image_column is not None and image_column not in names:
        raise InputError(
            f"{path} has no column '{image_column}' for the images{nearest(image_column, names)}"
        )


def _read(sources: Sequence[Source], separator: str | None) -> pd.DataFrame:
    parts = [read_table(each.table, separator) for each in sources]
    if len(parts) == 1:
        return parts[0]
    common = [name for name in parts[0].columns if all(name in each for each in parts)]
    whole = pd.concat([each[common].astype(object) for each in parts], ignore_index=True)
    whole.attrs.update(parts[0].attrs)
    owners = [source for source, part in zip(sources, parts, strict=True) for _ in range(len(part))]
    whole.attrs["prefixes"] = [each.prefix for each in owners]
    return whole


def _refuse_no_input(path: Path, columns: Sequence[Column]) -> None:
    names = ", ".join(f"'{each.name}'" for each in columns[:12])
    raise InputError(
        f"{path} has no column of image files, such as a.png, and none of texts or numbers to "
        "learn from; name it with --image_column= or --inputs="
        + (f", one of {names}" if names else "; it has no columns at all")
    )


def _left_out(
    columns: Sequence[Column],
    used: Collection[str],
    group: Group | None,
    no_maps: Mapping[str, str],
    choice: Choice,
) -> dict[str, str]:
    """Return why each unused column is unused; what is known of a choice is more precise."""
    kept = used if group is None else {*used, group.column.name}
    found = {each.name: why_left_out(each) for each in columns if each.name not in kept}
    found |= no_maps
    return found | {name: why for name, why in choice.left_out.items() if name in found}


def _refuse_nothing(path: Path, image: ImageColumn | None, left_out: Mapping[str, str]) -> None:
    reasons = "".join(
        f", {_named(name)}: {why}" for name, why in list(left_out.items())[:MOST_REASONS]
    )
    inputs = "inputs" if image is None else f"images in '{image.name}'"
    raise InputError(
        f"{path} has no column to learn besides its {inputs}{reasons}; add one of classes or "
        "numbers"
    )


def _named(column: str) -> str:
    return f"'{column}'" if column else "the column without a name"


def _split(
    path: Path, table: pd.DataFrame, image: ImageColumn | None, sources: Sequence[Source]
) -> GivenSplit | None:
    if sources[0].split is not None:
        return None
    try:
        return given_split(table, [] if image is None else [image.name])
    except InputError as error:
        raise InputError(f"{path}: {error}") from error


def _group(
    table: pd.DataFrame,
    columns: Sequence[Column],
    targets: list[Target],
    image: ImageColumn | None,
) -> tuple[Group | None, list[Target]]:
    """Return the group, if there is one, and the remaining targets."""
    labels: dict[str, Sequence[str]] = {}
    for target in targets:
        is_single = len(target.columns) == 1 and target.size == 1
        if is_single and target.maps is None and target.several is None:
            name = target.columns[0].name
            if target.classes:
                labels[name] = table[name].fillna("").map(cell_text).astype(str).tolist()
            else:
                known = pd.to_numeric(table[name], errors="coerce").rank(pct=True)
                fifths = (known * FIFTHS).fillna(-1).astype(int)
                labels[f"{name} (in fifths)"] = fifths.astype(str).tolist()
    own = None if image is None else image.name
    judged = [each for each in columns if each.name != own or each.kind == "image"]
    group = find_group(table, judged, labels)
    if group is None:
        return None, targets
    kept = [each for each in targets if group.column not in each.columns]
    return (group, kept) if kept else (None, targets)
