"""An experiment file for a table: complete, commented, and ready for training."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from multitask.data import Table
from multitask.data.split_check import SPLIT_NAMES
from multitask.data.splits import GivenSplit, Split, StratifiedSplit
from multitask.images.maps import DepthMap, NormalMap, NumberMap
from multitask.inspection.groups import Group
from multitask.inspection.input_lines import encoder_lines, image_lines, input_lines
from multitask.inspection.kind_hints import has_order, kind_hint
from multitask.inspection.label_words import labels_of
from multitask.inspection.map_kinds import MapKind
from multitask.inspection.rare_classes import RareClass, rarest_class
from multitask.inspection.table_contents import TableContents
from multitask.inspection.table_targets import Target
from multitask.inspection.target_words import describe, how_to_change
from multitask.inspection.training_plan import TrainingPlan
from multitask.inspection.yaml_lines import comment, number, scalar, sequence
from multitask.pages.words import listed

MOST_ROWS = 10
DEFAULT_IMAGE_COLUMN = "file_name"
SHARES = {"val": 0.15, "test": 0.15}

MAP_TASKS: dict[type, str] = {
    DepthMap: "Depth",
    NumberMap: "DenseRegression",
    NormalMap: "Normals",
}
"""The task for each kind of map."""

Division = tuple[str, str, dict[str, Any]]
"""Why rows are divided in a certain way, the class that does so, and its settings."""


def experiment_text(
    contents: TableContents, plan: TrainingPlan, data: Table, file: Path, keep_links: bool = False
) -> str:
    """Write the YAML.

    Args:
        contents: contents of the table.
        plan: the training settings.
        data: the loaded data of the table, which provide the split and the rows and cells that
            cannot be used; their kinds are skipped, with a comment that lists them.
        file: path of the file to be written.
        keep_links: whether links may lead outside the folder of images.

    Returns:
        The text of the file.
    """
    lines = [
        *comment(f"Written by `multitask init` for {contents.path}. Train with:", 0),
        *comment(f"multitask fit --config {shlex.quote(str(file))}", 0),
        "seed_everything: 0",
        "run:",
        f"  experiment: {scalar(file.stem)}",
        *_data(contents, plan, data, keep_links),
        *_model(contents, plan),
        "trainer:",
        *comment(f"{plan.steps} steps in all.", 2),
        f"  max_epochs: {plan.epochs}",
    ]
    return "\n".join(lines) + "\n"


def _data(
    contents: TableContents, plan: TrainingPlan, data: Table, keep_links: bool
) -> Iterator[str]:
    yield "data:"
    yield "  class_path: multitask.data.Table"
    yield "  init_args:"
    yield from _source(contents)
    if contents.images is not None:
        yield from image_lines(contents, contents.images)
    yield from input_lines(contents)
    if contents.missing:
        yield from comment("Texts that mean that a cell is missing; if not, remove them here.", 4)
        yield from sequence("missing", contents.missing, 4)
    if contents.choice.is_guess:
        yield from comment("The target columns were guessed from their names and positions.", 4)
    yield "    targets:"
    for target in contents.targets:
        yield from _target(target, contents.targets)
    if contents.left_out:
        yield from comment("Columns that are not used:", 4)
        for name, why in contents.left_out.items():
            yield from comment(f"- {name or 'the column without a name'}: {why}", 4)
    yield from _split(contents, data.split)
    yield from _cleaning(data.skipped, keep_links)
    yield f"    batch_size: {plan.batch_size}"


def _source(contents: TableContents) -> Iterator[str]:
    """Where the rows and their images are."""
    yield from comment(
        f"{contents.rows:,} rows. Relative paths start at the folder in which the program is "
        "started.",
        4,
    )
    if any(each.table.is_dir() for each in contents.sources):
        maps = any(each.maps for each in contents.targets)
        told = (
            "Folders are images and their maps, which have the names of their images."
            if maps
            else "Folders are classes: each image has the label of its folder."
        )
        yield from comment(told, 4)
    yield f"    path: {_path(contents.path)}"
    if contents.separator is not None:
        yield f"    separator: {scalar(contents.separator)}"
    image = contents.image
    if image is not None:
        if image.name != DEFAULT_IMAGE_COLUMN or contents.path.is_file():
            yield f"    image_column: {scalar(image.name)}"
        if image.ending:
            yield from comment("Appended to each file name, which lacks it in the table:", 4)
            yield f"    image_ending: {scalar(image.ending)}"
        if contents.image_folder is not None:
            yield f"    image_folder: {_path(contents.image_folder)}"


def _path(path: Path) -> str:
    # The parser would read a text that begins like this, or is null, as nothing.
    is_lost = str(path).startswith("#") or str(path).lower() in ("null", "~")
    return scalar(str(path.absolute() if is_lost else path))


def _target(target: Target, targets: Sequence[Target]) -> Iterator[str]:
    yield from comment(describe(target), 6)
    for each in target.columns:
        if each.remark:
            yield from comment(each.remark[0].upper() + each.remark[1:] + ".", 6)
    yield from comment(kind_hint(target, targets), 6)
    yield from comment(how_to_change(target), 6)
    if target.hot:
        yield from comment(
            "Exactly one of these columns is 1 in each row, so they are one task with classes.", 6
        )
    yield f"      {scalar(target.task)}:"
    names = [each.name for each in target.columns]
    if len(names) == 1 and scalar(names[0]) == names[0]:
        yield f"        columns: {names[0]}"
    else:
        # The parser would read a text such as '[a]' as a list.
        yield from sequence("columns", names, 8)
    if target.box is not None:
        yield f"        box: {target.box}"
    if target.maps is not None:
        yield from _map(target.maps)
    if target.classes:
        yield from sequence("classes", list(target.classes), 8)
    if target.several is not None:
        yield from labels_of(target.labels, target.several)
    if target.missing:
        yield from sequence("missing", [number(each) for each in target.missing], 8)
    if target.points and target.size % 2 == 0:
        yield from comment("If these are pixels, let them follow when images are resized:", 8)
        yield from comment("follows: {class_path: multitask.geometry.Positions}", 8)


def _map(kind: MapKind) -> Iterator[str]:
    yield "        map:"
    yield f"          class_path: multitask.images.maps.{type(kind.coding).__name__}"
    if kind.settings:
        yield "          init_args:"
    for name, value in kind.settings.items():
        if isinstance(value, list):
            yield from sequence(name, value, 12)
        else:
            yield f"            {name}: {scalar(value)}"


def _split(contents: TableContents, split: Split | None) -> Iterator[str]:
    is_drawn = True
    if contents.sources[0].split is not None:
        if not contents.lacking:
            return
        told, kind, settings = _lacking_tables(contents.lacking)
    elif contents.split is not None:
        told, kind, settings = _by_column(contents.split)
        is_drawn = False
    elif contents.group is not None:
        told, kind, settings = _grouped(contents.group)
    else:
        told, kind, settings = _stratified(contents, split)
    yield from comment(told, 4)
    yield "    split:"
    yield f"      class_path: multitask.data.splits.{kind}"
    yield "      init_args:"
    for name, value in settings.items():
        if isinstance(value, dict):
            pairs = ", ".join(f"{scalar(key)}: {scalar(each)}" for key, each in value.items())
            yield f"        {name}: {{{pairs}}}"
        else:
            yield f"        {name}: {scalar(value)}"
    if is_drawn:
        told = "To train several seeds on the same split, as for an ensemble, add seed: 0 here."
        yield from comment(told, 4)


def _lacking_tables(lacking: Sequence[str]) -> Division:
    told = (
        f"There are folders or tables for the splits, but none for {_listed(lacking)}: a "
        "share of the training rows is used."
    )
    return told, "RandomSplit", {each: SHARES[each] if each in lacking else 0 for each in SHARES}


def _by_column(split: GivenSplit) -> Division:
    told = f"The table's column {split.column} contains the split of each row."
    if split.lacking:
        told += (
            f" It has no row for {_listed(split.lacking)}: a share of the training rows is used; "
            "set 0 to do without."
        )
    settings: dict[str, Any] = {"column": split.column}
    settings |= {"words": split.words} if split.words else {}
    return told, "ByColumn", settings | {each: SHARES[each] for each in split.lacking}


def _grouped(group: Group) -> Division:
    told = (
        f"No {group.column.name} is in two splits. There are {group.groups:,}. {group.promise()} "
        "To divide rows at random, use multitask.data.splits.RandomSplit."
    )
    column = group.column
    if column.kind == "classes":
        told += (
            f" So {column.name} is not a task: to learn its {column.distinct:,} classes, list them "
            "under targets, add a multitask.tasks.Classification, and divide the rows with "
            f"multitask.data.splits.StratifiedSplit and by: {column.name}."
        )
    before = {"before": group.before} if group.before else {}
    return told, "GroupedSplit", {"by": group.column.name, **SHARES, **before}


def _stratified(contents: TableContents, split: Split | None) -> Division:
    rare = rarest_class(contents.targets, contents.rows)
    if isinstance(split, StratifiedSplit):
        return _why(rare, True), "StratifiedSplit", {"by": split.by, **SHARES}
    return _why(rare, False), "RandomSplit", dict(SHARES)


def _why(rare: RareClass | None, is_stratified: bool) -> str:
    if rare is None:
        return "Rows at random."
    few = f"Class '{rare.name}' of {rare.column} has {rare.rows} row{'s' * (rare.rows != 1)}"
    if is_stratified:
        return (
            f"{few}: each split gets its share of every class, since at random it might get none. "
            f"See also class_weights: balanced, balanced_by and headline in docs/imbalance.md."
        )
    return f"Rows at random. {few}, too few for all splits: some may get none."


def _listed(splits: Sequence[str]) -> str:
    return listed(SPLIT_NAMES[each] for each in splits)


def _cleaning(findings: pd.DataFrame, keep_links: bool) -> Iterator[str]:
    if findings.empty:
        if keep_links:
            yield from ("    cleaning:", "      symbolic_link: keep")
        return
    yield from comment(
        "Unusable data of these kinds were found in the rows listed here and are skipped. "
        "Training stops at any other kind.",
        4,
    )
    yield "    cleaning:"
    if keep_links:
        yield "      symbolic_link: keep"
    for kind, rows in findings.groupby("kind", sort=False):
        first = list(rows.head(MOST_ROWS).itertuples())
        kinds = ", ".join(
            f"row {each.row}" + (f" ({each.file})" if each.file else "") for each in first
        )
        more = f" and {len(rows) - MOST_ROWS:,} more" if len(rows) > MOST_ROWS else ""
        yield from comment(f"{kinds}{more}", 6)
        yield f"      {kind}: skip"


def _model(contents: TableContents, plan: TrainingPlan) -> Iterator[str]:
    yield "model:"
    yield from encoder_lines(plan)
    yield "  tasks:"
    for target in contents.targets:
        yield f"    {scalar(target.task)}:"
        if target.maps is not None:
            yield from _task_of_maps(target.maps)
        elif target.box is not None:
            yield "      class_path: multitask.tasks.Box"
        elif target.several is not None:
            yield "      class_path: multitask.tasks.MultiLabel"
            yield "      init_args:"
            yield from sequence("labels", target.labels, 8)
        elif target.classes:
            kind = "Ordinal" if has_order(target) else "Classification"
            yield f"      class_path: multitask.tasks.{kind}"
            yield "      init_args:"
            yield f"        num_classes: {len(target.classes)}"
            yield from sequence("classes", list(target.classes), 8)
        else:
            yield "      class_path: multitask.tasks.Regression"
            if target.size > 1:
                yield "      init_args:"
                yield f"        size: {target.size}"
    yield "  optimizer:"
    yield "    class_path: torch.optim.AdamW"
    yield "    init_args:"
    yield f"      lr: {plan.learning_rate}"
    yield "      weight_decay: 0.0001"
    yield "  scheduler:"
    yield "    class_path: torch.optim.lr_scheduler.CosineAnnealingLR"
    yield "    init_args:"
    yield from comment("The length of the run, or a number of steps.", 6)
    yield "      T_max: run"


def _task_of_maps(kind: MapKind) -> Iterator[str]:
    if kind.num_classes:
        yield "      class_path: multitask.tasks.Segmentation"
        yield "      init_args:"
        yield f"        num_classes: {kind.num_classes}"
        return
    yield f"      class_path: multitask.tasks.{MAP_TASKS[type(kind.coding)]}"
    if kind.coding.channels is not None and MAP_TASKS[type(kind.coding)] == "DenseRegression":
        yield "      init_args:"
        yield f"        size: {kind.coding.channels}"
