"""An experiment for a table: complete, commented, and ready to train."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from multitask.data.split_check import SPLIT_NAMES
from multitask.inspection.table_contents import TableContents, Target
from multitask.inspection.target_words import describe, how_to_change
from multitask.inspection.training_plan import TrainingPlan
from multitask.inspection.yaml_lines import comment, scalar, sequence

MOST_ROWS = 10
DEFAULT_IMAGE_COLUMN = "file_name"


def number(value: float) -> int | float:
    """A number without decimals that say nothing."""
    return int(value) if value.is_integer() and abs(value) < 2**53 else value


def experiment_text(
    contents: TableContents,
    plan: TrainingPlan,
    findings: pd.DataFrame,
    file: Path,
    keep_links: bool = False,
) -> str:
    """Write the YAML.

    Args:
        contents: of the table.
        plan: how to train.
        findings: rows and cells that cannot be used, see `multitask.data.Table`; their kinds are
            skipped, with a comment that lists them.
        file: where the text will be.
        keep_links: whether links may lead out of the folder of images.

    Returns:
        The text of the file.
    """
    lines = [
        *comment(f"What `multitask init` made of {contents.path}. Train with:", 0),
        *comment(f"multitask fit --config {shlex.quote(str(file))}", 0),
        "seed_everything: 0",
        "run:",
        f"  experiment: {scalar(file.stem)}",
        *_data(contents, plan, findings, keep_links),
        *_model(contents, plan),
        "trainer:",
        *comment(f"{plan.steps} steps in all.", 2),
        f"  max_epochs: {plan.epochs}",
    ]
    return "\n".join(lines) + "\n"


def _data(
    contents: TableContents, plan: TrainingPlan, findings: pd.DataFrame, keep_links: bool
) -> Iterator[str]:
    yield "data:"
    yield "  class_path: multitask.data.Table"
    yield "  init_args:"
    yield from comment(
        f"{contents.rows:,} rows. Relative paths start at the folder in which the program is "
        "started.",
        4,
    )
    if any(each.table.is_dir() for each in contents.sources):
        yield from comment("Folders are classes: each image has the label of its folder.", 4)
    yield f"    path: {scalar(str(contents.path))}"
    if contents.separator is not None:
        yield f"    separator: {scalar(contents.separator)}"
    if contents.image.name != DEFAULT_IMAGE_COLUMN or contents.path.is_file():
        yield f"    image_column: {scalar(contents.image.name)}"
    if contents.image.ending:
        yield from comment("Put behind each file's name, which lacks it in the table:", 4)
        yield f"    image_ending: {scalar(contents.image.ending)}"
    if contents.image_folder is not None:
        yield f"    image_folder: {scalar(str(contents.image_folder))}"
    yield from _images(contents)
    if contents.missing:
        yield from comment("Texts that mean that a cell is missing; if not, remove them here.", 4)
        yield from sequence("missing", contents.missing, 4)
    yield "    targets:"
    for target in contents.targets:
        yield from _target(target)
    if contents.left_out:
        yield from comment("Columns that are left out:", 4)
        for name, why in contents.left_out.items():
            yield from comment(f"- {name or 'the column without a name'}: {why}", 4)
    yield from _split(contents)
    yield from _cleaning(findings, keep_links)
    yield f"    batch_size: {plan.batch_size}"


def _images(contents: TableContents) -> Iterator[str]:
    images = contents.images
    about = "all of" if images.same_size else "of various sizes, in the median"
    yield from comment(
        f"{images.looked_at} images were looked at: {about} {images.height} x {images.width} "
        f"pixels, {'grey' if images.grey else 'colour'}. Where the sides have another ratio, fit "
        "is stretch, crop or pad.",
        4,
    )
    yield f"    image_size: [{images.size[0]}, {images.size[1]}]"
    yield f"    channels: {contents.channels}"
    yield "    fit: stretch"
    if images.white is not None:
        yield from comment(
            "The value that becomes white. The files have 16 bits, and their brightest pixel was "
            "darker than half of what these can hold.",
            4,
        )
        yield f"    white: {images.white}"


def _target(target: Target) -> Iterator[str]:
    yield from comment(describe(target), 6)
    for each in target.columns:
        if each.remark:
            yield from comment(each.remark[0].upper() + each.remark[1:] + ".", 6)
    yield from comment(how_to_change(target), 6)
    if target.hot:
        yield from comment(
            "A single one of these columns is 1 in each row, so they are one task of classes.", 6
        )
    yield f"      {target.task}:"
    names = [each.name for each in target.columns]
    if len(names) > 1:
        yield from sequence("columns", names, 8)
    else:
        yield f"        columns: {scalar(names[0])}"
    if target.classes:
        yield from sequence("classes", list(target.classes), 8)
    if target.missing:
        yield from sequence("missing", [number(each) for each in target.missing], 8)
    if target.points and target.size % 2 == 0:
        yield from comment("Where these are pixels, let them follow when images are resized:", 8)
        yield from comment("follows: {class_path: multitask.geometry.Positions}", 8)


def _split(contents: TableContents) -> Iterator[str]:
    shares = {"val": 0.15, "test": 0.15}
    split, group = contents.split, contents.group
    if contents.sources[0].split is not None:
        if not contents.lacking:
            return
        yield from comment(
            f"Each split has a folder or table of its own, but there is none for "
            f"{_listed(contents.lacking)}: a share of the training rows is taken.",
            4,
        )
        settings: dict[str, Any] = {
            each: share if each in contents.lacking else 0 for each, share in shares.items()
        }
        kind = "RandomSplit"
    elif split is not None:
        yield from comment(f"The table's column {split.column} says which row is for what.", 4)
        if split.lacking:
            yield from comment(
                f"It has no row for {_listed(split.lacking)}: a share of the training rows is "
                "taken; 0 does without.",
                4,
            )
        kind, settings = "ByColumn", {"column": split.column}
        settings |= {"words": split.words} if split.words else {}
        settings |= {each: shares[each] for each in split.lacking}
    elif group is not None:
        yield from comment(
            f"No {group.column.name} is in two splits. There are {group.groups:,}. "
            f"{group.promise()} For rows at random, use multitask.data.splits.RandomSplit.",
            4,
        )
        kind, settings = "GroupedSplit", {"by": group.column.name, **shares}
        settings |= {"before": group.before} if group.before else {}
    else:
        yield from comment("Rows at random.", 4)
        kind, settings = "RandomSplit", dict(shares)
    yield "    split:"
    yield f"      class_path: multitask.data.splits.{kind}"
    yield "      init_args:"
    for name, value in settings.items():
        if isinstance(value, dict):
            pairs = ", ".join(f"{json.dumps(key)}: {each}" for key, each in value.items())
            yield f"        {name}: {{{pairs}}}"
        else:
            yield f"        {name}: {scalar(value)}"


def _listed(splits: Sequence[str]) -> str:
    return " and ".join(SPLIT_NAMES[each] for each in splits)


def _cleaning(findings: pd.DataFrame, keep_links: bool) -> Iterator[str]:
    if keep_links:
        yield from comment("Links may lead out of the folder of images, as was asked for.", 4)
    if findings.empty:
        if keep_links:
            yield from ("    cleaning:", "      symbolic_link: keep")
        return
    yield from comment(
        "What cannot be used was found in the rows listed here, and is skipped. A training stops "
        "at what is of another kind.",
        4,
    )
    yield "    cleaning:"
    if keep_links:
        yield "      symbolic_link: keep"
    for kind, rows in findings.groupby("kind", sort=False):
        first = list(rows.head(MOST_ROWS).itertuples())
        listed = ", ".join(
            f"row {each.row}" + (f" ({each.file})" if each.file else "") for each in first
        )
        more = f" and {len(rows) - MOST_ROWS:,} more" if len(rows) > MOST_ROWS else ""
        yield from comment(f"{listed}{more}", 6)
        yield f"      {kind}: skip"


def _model(contents: TableContents, plan: TrainingPlan) -> Iterator[str]:
    yield "model:"
    yield "  encoder:"
    yield f"    class_path: {plan.encoder}"
    yield "    init_args:"
    for name, value in plan.encoder_settings.items():
        if name == "pretrained":
            yield from comment("true for transfer learning; downloads the weights once.", 6)
        yield f"      {name}: {scalar(value)}"
    yield "  tasks:"
    for target in contents.targets:
        yield f"    {target.task}:"
        if target.classes:
            yield "      class_path: multitask.tasks.Classification"
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
    yield from comment("As many as there are steps.", 6)
    yield f"      T_max: {plan.steps}"
