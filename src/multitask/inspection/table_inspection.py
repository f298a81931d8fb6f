"""Looking at a table's data without stopping at what a training would stop at."""

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
"""What would stop a training is left out and listed."""


def look_past(data: DataModule) -> Stops:
    """Have the problems of tables listed instead of stopping at the first.

    Args:
        data: any data, not yet loaded; only a table, or tables that are mixed, are changed.

    Returns:
        The table and the kind of what a training with these data would stop at.
    """
    if isinstance(data, Mixture):
        return {stop for source in data.sources.values() for stop in look_past(source)}
    if not isinstance(data, Table):
        return set()
    policies = asdict(data.cleaning)
    stops = {kind for kind, policy in policies.items() if policy == "error"}
    # What is kept is trained on.
    data.cleaning = replace(data.cleaning, **{kind: SKIPPED[kind] for kind in stops})
    return {(str(source.table), kind) for source in data.sources for kind in stops}


def load(data: DataModule) -> None:
    """Load data, without warnings of what is left out and remarked, which the report lists.

    Args:
        data: any data.

    Raises:
        InputError: if the data cannot be loaded.
    """
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*left out as told.*")
        warnings.filterwarnings("ignore", category=DataRemark)
        data.setup()


def load_table(data: Table) -> None:
    """Load the data of a table, divided at random where rows that cannot be used leave no choice.

    Args:
        data: what `table_data` returned.

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
    """The data of a table, which list what cannot be used and leave it out.

    Args:
        contents: of the table.
        keep_links: whether links may lead out of the folder of images.
        seed: of the split.
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
    # Of its only input no sample can do without; columns tell missing cells apart.
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
