"""New samples that the user names, for a model with any inputs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pyarrow as pa

from multitask.after.image_list import ImageList
from multitask.after.image_table import columns_of, images_of, is_table, new_images
from multitask.after.inputs.base import Cells
from multitask.after.inputs.table_columns import columns_of_inputs, said_of_lacking
from multitask.after.trained_model import IMAGE, TrainedModel
from multitask.errors import InputError
from multitask.pages.words import listed
from multitask.tables.table_file import read_table, row_number, separator_of
from multitask.tables.table_rows import NAMELESS

LINES = ".txt"
"""Extension of files with one text per line."""
ROW = "row"


def new_samples(
    trained: TrainedModel,
    subjects: Sequence[str | Path],
    image_column: str | None = None,
    image_folder: Path | None = None,
    but: Path | None = None,
) -> ImageList:
    """Find the samples that the user names.

    Args:
        trained: the model that will predict for them.
        subjects: for a model with an image input, folders and files of images; for one with a text
            input, files that end in ``.txt`` with one text per line; or one table: CSV, Parquet or
            JSON Lines, with the columns used in training.
        image_column: see `multitask.after.image_table.new_images`.
        image_folder: see `multitask.after.image_table.new_images`.
        but: a folder whose files are ignored.

    Raises:
        InputError: if there are none, they cannot be read, or they lack a required input.
    """
    if list(trained.model.inputs) == [IMAGE]:
        return new_images(subjects, image_column, image_folder, but)
    for option, value in (("image_column", image_column), ("image_folder", image_folder)):
        if value is not None and IMAGE not in trained.model.inputs:
            raise InputError(
                f"--{option} is for images, but {trained.source} accepts "
                f"{listed(trained.model.inputs)}; remove it"
            )
    if len(subjects) == 1 and is_table(subjects[0]):
        return _of_table(trained, Path(subjects[0]), image_column, image_folder)
    if all(Path(each).suffix.lower() == LINES for each in subjects):
        return _of_lines(trained, [Path(each) for each in subjects])
    if IMAGE in trained.model.inputs and trained.takes_missing:
        return _alone(trained, new_images(subjects, image_column, image_folder, but))
    raise InputError(
        f"{trained.source} accepts {listed(trained.model.inputs)}; {_table_to_give(trained)}"
    )


def one_text(trained: TrainedModel, text: str) -> tuple[dict[str, Cells], list[str]]:
    """The cells of a model's inputs, given only a text.

    Args:
        trained: the model.
        text: text for the only text input.

    Returns:
        The cells, and remarks on missing inputs.

    Raises:
        InputError: if the model has no text input, several, or other required inputs.
    """
    cells = _texts(trained, [text])
    return cells, said_of_lacking(trained, _named_texts(trained), "--text")


def _of_table(
    trained: TrainedModel, path: Path, image_column: str | None, image_folder: Path | None
) -> ImageList:
    table = read_table(path, separator_of(path))
    names = [str(each) for each in table.columns]
    found = columns_of_inputs(trained, names, str(path), image_column)
    cells = {
        name: {each: table[each].tolist() for each in columns}
        if (columns := found.get(name)) is not None
        else _nothing(trained, name, len(table))
        for name in trained.written
    }
    remarks = [*said_of_lacking(trained, found, str(path)), *_said_of_gaps(path, table)]
    if IMAGE in found:
        listed_images = images_of(path, table, found[IMAGE][0], image_folder)
        problems = listed_images.problems
        if trained.takes_missing:
            problems = {at: why for at, why in problems.items() if why != NAMELESS.reason}
        return replace(listed_images, problems=problems, cells=cells, noun="rows", remarks=remarks)
    numbers = [str(row_number(path, place)) for place in table.index]
    return _rows(cells, numbers, columns_of(table), str(path), remarks)


def _said_of_gaps(path: Path, table: pd.DataFrame) -> list[str]:
    """Rows of empty cells before the last row, which matter if tables are joined by rows."""
    there = set(table.index)
    gaps = [place for place in range(max(there, default=0)) if place not in there]
    if not gaps:
        return []
    rows = listed(str(row_number(path, place)) for place in gaps)
    what = f"row {rows} has" if len(gaps) == 1 else f"rows {rows} have"
    return [f"{path}: {what} only empty cells, and no prediction"]


def _of_lines(trained: TrainedModel, paths: Sequence[Path]) -> ImageList:
    lines: list[str] = []
    names: list[str] = []
    for path in paths:
        try:
            found = path.read_text(encoding="utf-8-sig").splitlines()
        except (OSError, UnicodeDecodeError) as error:
            reason = getattr(error, "strerror", None) or "it is not UTF-8"
            raise InputError(f"{path} cannot be read ({reason})") from error
        prefix = "" if len(paths) == 1 else f"{path}, "
        names += [f"{prefix}{number}" for number in range(1, len(found) + 1)]
        lines += found
    source = ", ".join(map(str, paths[:3])) + (", ..." if len(paths) > 3 else "")
    if not lines:
        raise InputError(f"{source} has no lines; give a text in each line")
    cells = _texts(trained, lines)
    (column,) = next(cells[name] for name, each in trained.written.items() if each.given.is_text)
    given = pa.table({"line": pa.array(names), column: pa.array(lines, pa.string())})
    remarks = said_of_lacking(trained, _named_texts(trained), source)
    return replace(_rows(cells, names, given, source, remarks), noun="lines", name_column="line")


def _alone(trained: TrainedModel, images: ImageList) -> ImageList:
    """Images without the other inputs."""
    cells = {name: _nothing(trained, name, len(images)) for name in trained.written}
    return replace(images, cells=cells, remarks=said_of_lacking(trained, [IMAGE], images.source))


def _texts(trained: TrainedModel, texts: Sequence[str]) -> dict[str, Cells]:
    named = _named_texts(trained)
    is_alone = list(trained.model.inputs) == named or trained.takes_missing
    if len(named) != 1 or len(trained.written[named[0]].columns) != 1 or not is_alone:
        raise InputError(
            f"{trained.source} accepts {listed(trained.model.inputs)}, for which one text is not "
            f"enough; {_table_to_give(trained)}"
        )
    cells = {name: _nothing(trained, name, len(texts)) for name in trained.written}
    return cells | {named[0]: {trained.written[named[0]].columns[0]: texts}}


def _named_texts(trained: TrainedModel) -> list[str]:
    return [name for name, each in trained.written.items() if each.given.is_text]


def _rows(
    cells: Mapping[str, Cells], names: list[str], given: pa.Table, source: str, remarks: list[str]
) -> ImageList:
    nowhere: list[str | None] = [None] * len(names)
    return ImageList(
        nowhere,
        {},
        names,
        given,
        source,
        cells=cells,
        noun="rows",
        name_column=ROW,
        remarks=remarks,
    )


def _nothing(trained: TrainedModel, name: str, samples: int) -> Cells:
    return {column: [None] * samples for column in trained.written[name].columns}


def _table_to_give(trained: TrainedModel) -> str:
    columns = [column for each in trained.written.values() for column in each.columns]
    what = "column" if len(columns) == 1 else "columns"
    return f"give one table (CSV, Parquet or JSON Lines) with the {what} {listed(columns, 8)}"
