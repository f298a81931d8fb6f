"""A labelled table, read according to a model's checkpoint."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from multitask.after.inputs.table_columns import columns_of_inputs, said_of_lacking
from multitask.after.labelled_samples import Groups, LabelledSamples, own_samples
from multitask.after.target_choice import chosen_targets
from multitask.after.told_columns import made_columns
from multitask.after.trained_model import IMAGE, TrainedModel
from multitask.after.whole_table import WHOLE, WholeTable, listing
from multitask.data.dataset import Batch, BatchDataset
from multitask.data.split_check import SPLITS
from multitask.data.splits import GroupedSplit
from multitask.data.targets import as_tasks_see, look_at
from multitask.errors import InputError, nearest
from multitask.images.format import ImageFormat
from multitask.pages.words import counted
from multitask.tables.table_file import read_table, separator_of
from multitask.tables.table_sources import find_sources
from multitask.tables.target_columns import TargetColumns

NO_IMAGE = ImageFormat(1, 1, 1)
"""Replaces the image format for tables without images."""


def named_samples(
    trained: TrainedModel,
    table: str | None,
    split: str | None = None,
    group: str | None = None,
    image_column: str | None = None,
    image_folder: str | None = None,
) -> LabelledSamples:
    """The samples that the user names: a table, or otherwise a split of the run's own data.

    Args:
        trained: the model.
        table: see `labelled_table`.
        split: split of the run's own data; default: ``test``.
        group: see `labelled_table` and `multitask.after.labelled_samples.own_samples`.
        image_column: see `labelled_table`.
        image_folder: see `labelled_table`.

    Raises:
        InputError: if both are given, or they cannot be read.
    """
    if table is None:
        return own_samples(trained, split or "test", group)
    if split is not None:
        raise InputError("split is for the run's own data; remove it, or the table")
    folder = None if image_folder is None else Path(image_folder)
    return labelled_table(trained, Path(table), group, image_column, folder)


def labelled_table(
    trained: TrainedModel,
    path: Path,
    group: str | None = None,
    image_column: str | None = None,
    image_folder: Path | None = None,
) -> LabelledSamples:
    """Read a table with labels for a trained model.

    The columns are those that the model was trained on. If the table lacks them, or the model was
    not trained on a table, the columns named after the tasks are used.

    Args:
        trained: the model.
        path: a file or a folder, see `multitask.data.Table`.
        group: column that identifies rows that belong together; default: the one by which the
            training data were split, if there is one.
        image_column: column of file names; default: as in training.
        image_folder: folder that file names are relative to; default: the table's folder.

    Raises:
        InputError: if the table cannot be read, or contains no task's targets.
    """
    sources = find_sources(path, {}, image_folder, SPLITS)
    separator = separator_of(sources[0].table, _likely_separator(trained))
    tables = [read_table(each.table, separator) for each in sources]
    columns = [str(each) for each in tables[0] if all(each in other for other in tables)]
    chosen, told = chosen_targets(trained, tables, columns, str(path))
    inputs = columns_of_inputs(trained, columns, str(path), image_column)
    wanted = _checked(path, columns, group, told)
    targets = {
        name: made_columns(each, trained, sources[0].folder) for name, each in chosen.items()
    }
    data = _table(trained, path, targets, told, inputs, image_folder, wanted, separator)
    split = _loaded(data, trained, path)

    def prepare(batch: Batch) -> Batch:
        seen = {name: as_tasks_see(batch[name]) for name in targets}
        absent = trained.absent([name for name in trained.takes if name not in inputs], batch)
        made = zip(trained.takes, trained.seen({**batch, **absent}), strict=True)
        return {**batch, **seen, **dict(made)}

    places = data._rows[WHOLE].tolist()
    return LabelledSamples(
        title=str(path),
        split=split,
        prepare=prepare,
        tasks=[name for name in trained.model.named_tasks if name in targets],
        names=[data._files[place] for place in places],
        numbers=[data._numbers[place] for place in places],
        groups=_groups(data, wanted, told if group is None else {}),
        faces=data.faces(),
        elements=_elements(data) | _told_elements(trained),
        skipped=data.skipped,
        remarks=[*said_of_lacking(trained, inputs, str(path)), *_remarks(trained, targets, data)],
        texts=data.texts(WHOLE),
    )


def _checked(
    path: Path, columns: Sequence[str], group: str | None, told: Mapping[str, Any]
) -> str | None:
    """The column of groups, if there is one; reject one that the table lacks."""
    if group is not None and group not in columns:
        raise InputError(
            f"group is '{group}', but {path} has no such column{nearest(group, columns)}"
        )
    wanted = group or told.get("group")
    return wanted if wanted in columns else None


def _loaded(data: WholeTable, trained: TrainedModel, path: Path) -> BatchDataset:
    with warnings.catch_warnings():
        # Skipped rows are listed beside the results.
        warnings.filterwarnings("ignore", message=".*skipped, as configured.*")
        split = data.load()[WHOLE]
    # They are already set up, whatever splits other data have.
    data.splits = {"train": split, WHOLE: split}
    for name, targets in split.targets.items():
        try:
            trained.model.named_tasks[name].check(name, look_at(targets), WHOLE)
        except InputError as error:
            raise InputError(f"{path}: {error}") from error
    return split


def _likely_separator(trained: TrainedModel) -> str | None:
    told = trained.description.get("tables") or [{}]
    return told[0].get("separator")


def _table(
    trained: TrainedModel,
    path: Path,
    targets: Mapping[str, TargetColumns],
    told: Mapping[str, Any],
    inputs: Mapping[str, Sequence[str]],
    image_folder: Path | None,
    group: str | None,
    separator: str | None,
) -> WholeTable:
    format = trained.image_format or NO_IMAGE
    has_images = IMAGE in inputs
    data = WholeTable(
        dict(targets),
        path=path,
        inputs={name: each.given for name, each in trained.written.items() if name in inputs},
        image_column=inputs[IMAGE][0] if has_images else None,
        image_folder=image_folder,
        image_ending=(told.get("image_ending") or "") if has_images else "",
        image_size=[format.height, format.width],
        channels=format.channels,
        fit=format.fit,
        white=format.white,
        most_pixels=format.most_pixels,
        cleaning=listing(trained.takes_missing),
        missing=told.get("missing") or (),
        separator=separator,
        without=SPLITS,
        seed=0,
    )
    data.kept_columns = [group] if group else []
    return data


def _groups(data: WholeTable, column: str | None, told: Mapping[str, Any]) -> Groups | None:
    if column is None:
        return None
    before = told.get("before")
    values: list[Any] = GroupedSplit(column, before=before).groups(data.rows.table)
    # A row without a group forms its own.
    return Groups(column, [each or place for place, each in enumerate(values)])


def _remarks(
    trained: TrainedModel, targets: Mapping[str, TargetColumns], data: WholeTable
) -> list[str]:
    lacking = [name for name in trained.model.named_tasks if name not in targets]
    found = []
    if lacking:
        found.append(
            f"Not evaluated, because the table has no column for them: {', '.join(lacking)}."
        )
    if data.without_input:
        rows = counted(data.without_input, "row")
        found.append(f"Skipped, because there is nothing to predict from: {rows}.")
    if len(data.skipped):
        kinds = ", ".join(
            f"{kind}: {count:,}" for kind, count in data.skipped["kind"].value_counts().items()
        )
        found.append(
            f"Skipped, because they cannot be used: {kinds}; skipped.csv lists them. Labels that "
            "are unknown to the model do not count as errors."
            if "unknown_class" in kinds
            else f"Skipped, because they cannot be used: {kinds}; skipped.csv lists them."
        )
    return found


def _elements(data: WholeTable) -> dict[str, list[str]]:
    # If the checkpoint has no column names, a column is named after its task and element.
    columns = data.element_names().items()
    return {name: [each.removeprefix(f"{name}.") for each in names] for name, names in columns}


def _told_elements(trained: TrainedModel) -> dict[str, list[str]]:
    tasks = trained.description["tasks"].items()
    return {name: list(each["elements"]) for name, each in tasks if each.get("elements")}
