"""Inspection of a table's data without stopping at problems at which training would stop."""

from __future__ import annotations

import warnings
from dataclasses import asdict, replace
from typing import Any

from multitask.data import DataModule, Mixture, Table
from multitask.data.look import DataRemark
from multitask.data.splits import GroupedSplit, RandomSplit, Split, StratifiedSplit
from multitask.errors import InputError
from multitask.images.brightness import FULL
from multitask.inspection.data_report import Stops
from multitask.inspection.rare_classes import rarest_class
from multitask.inspection.table_contents import TableContents
from multitask.inspection.table_inputs import NUMBERS, TEXT
from multitask.tables.cleaning import Cleaning
from multitask.tables.input_columns import InputColumns
from multitask.tables.target_columns import TargetColumns

SKIPPED: dict[str, Any] = {
    kind: "skip" for kind, policy in asdict(Cleaning()).items() if policy == "error"
}
LOOKING = Cleaning(**SKIPPED)
"""Policies that skip and list what would stop training."""


def look_past(data: DataModule) -> Stops:
    """Make tables list their problems instead of stopping at the first one.

    Args:
        data: data that are not yet loaded; only a table, or tables in a mixture, are changed.

    Returns:
        The tables and kinds of findings at which training with these data would stop.
    """
    if isinstance(data, Mixture):
        return {stop for source in data.sources.values() for stop in look_past(source)}
    if not isinstance(data, Table):
        return set()
    policies = asdict(data.cleaning)
    stops = {kind for kind, policy in policies.items() if policy == "error"}
    # Kept samples are trained on.
    data.cleaning = replace(data.cleaning, **{kind: SKIPPED[kind] for kind in stops})
    return {(str(source.table), kind) for source in data.sources for kind in stops}


def load(data: DataModule) -> None:
    """Load data without warnings about skips and remarks, which the report lists.

    Args:
        data: the data to load.

    Raises:
        InputError: if the data cannot be loaded.
    """
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*skipped, as configured.*")
        warnings.filterwarnings("ignore", category=DataRemark)
        data.setup()


def load_table(data: Table) -> None:
    """Load the data of a table, divided at random if skipped rows prevent another split.

    Args:
        data: the result of `table_data`.

    Raises:
        InputError: if the data cannot be loaded.
    """
    try:
        load(data)
    except InputError:
        if not isinstance(data.split, StratifiedSplit):
            raise
        data.split = RandomSplit()
        data.remarks.clear()
        load(data)


def table_data(contents: TableContents, seed: int = 0, keep_links: bool = False) -> Table:
    """Create the data of a table, which skip and list what cannot be used.

    Args:
        contents: contents of the table.
        keep_links: whether links may lead outside the folder of images.
        seed: seed of the split.
    """
    targets = {
        each.task: TargetColumns(
            columns=names[0] if len(names := [c.name for c in each.columns]) == 1 else names,
            classes=list(each.classes) or None,
            missing=list(each.missing),
            labels=list(each.labels) or None,
            between=None if each.several is None else each.several.between,
            none=None if each.several is None else each.several.none,
            map=None if each.maps is None else each.maps.coding,
            box=each.box,
        )
        for each in contents.targets
    }
    cleaning = replace(LOOKING, symbolic_link="keep") if keep_links else LOOKING
    # A sample cannot lack its only input; columns mark missing cells separately.
    if contents.choice.text is not None and not contents.is_several:
        cleaning = replace(cleaning, missing_input="skip")
    return Table(
        targets,
        path=contents.path,
        inputs=_inputs(contents),
        **_images(contents),
        split=_split(contents),
        cleaning=cleaning,
        missing=contents.missing,
        separator=contents.separator,
        seed=seed,
    )


def _images(contents: TableContents) -> dict[str, Any]:
    if contents.image is None or contents.images is None or contents.image_size is None:
        return {"image_column": None}
    return {
        "image_column": contents.image.name,
        "image_folder": contents.image_folder,
        "image_ending": contents.image.ending,
        "white": contents.images.white or FULL,
        "image_size": list(contents.image_size),
        "channels": contents.channels,
    }


def _inputs(contents: TableContents) -> dict[str, InputColumns]:
    found: dict[str, InputColumns] = {}
    if (text := contents.choice.text) is not None:
        names = [each.name for each in text.columns]
        column = names[0] if len(names) == 1 else names
        found[TEXT] = InputColumns(column, tokenizer=text.tokenizer)
    if (numbers := contents.choice.numbers) is not None:
        found[NUMBERS] = InputColumns(
            columns=[each.name for each in numbers.columns],
            categories={name: list(kinds) for name, kinds in numbers.categories.items()},
            missing=list(numbers.missing),
        )
    return found


def _split(contents: TableContents) -> Split | None:
    share = 0.15
    if contents.sources[0].split is not None:
        lacking = {each: share if each in contents.lacking else 0.0 for each in ("val", "test")}
        return RandomSplit(**lacking) if contents.lacking else None
    if contents.split is not None:
        return contents.split.split(**dict.fromkeys(contents.split.lacking, share))
    if contents.group is not None:
        return GroupedSplit(contents.group.column.name, before=contents.group.before or None)
    rare = rarest_class(contents.targets, contents.rows)
    return StratifiedSplit(rare.column) if rare and rare.can_be_stratified else RandomSplit()
