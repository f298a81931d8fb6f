"""An experiment for a table: complete, commented, and ready to train."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from pathlib import Path

import pandas as pd

from multitask.inspection.table_contents import TableContents, Target
from multitask.inspection.target_words import describe, how_to_change
from multitask.inspection.training_plan import TrainingPlan
from multitask.inspection.yaml_lines import comment, scalar, sequence

MOST_ROWS = 10


def experiment_text(
    contents: TableContents, plan: TrainingPlan, findings: pd.DataFrame, file: Path
) -> str:
    """Write the YAML.

    Args:
        contents: of the table.
        plan: how to train.
        findings: rows and cells that cannot be used, see `multitask.data.Table`; their kinds are
            skipped, with a comment that lists them.
        file: where the text will be.

    Returns:
        The text of the file.
    """
    lines = [
        *comment(f"What `multitask init` made of {contents.path}. Train with:", 0),
        *comment(f"multitask fit --config {shlex.quote(str(file))}", 0),
        "seed_everything: 0",
        "run:",
        f"  experiment: {scalar(file.stem)}",
        *_data(contents, plan, findings),
        *_model(contents, plan),
        "trainer:",
        *comment(f"{plan.steps} steps in all.", 2),
        f"  max_epochs: {plan.epochs}",
    ]
    return "\n".join(lines) + "\n"


def _data(contents: TableContents, plan: TrainingPlan, findings: pd.DataFrame) -> Iterator[str]:
    yield "data:"
    yield "  class_path: multitask.data.Table"
    yield "  init_args:"
    yield from comment(
        f"{contents.rows:,} rows. Relative paths start at the folder in which the program is "
        "started.",
        4,
    )
    yield f"    path: {_path(contents.path)}"
    if contents.separator is not None:
        yield f"    separator: {scalar(contents.separator)}"
    yield f"    image_column: {scalar(contents.image_column)}"
    if contents.image_folder is not None:
        yield f"    image_folder: {_path(contents.image_folder)}"
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
            yield from comment(f"- {name}: {why}", 4)
    yield from _split(contents)
    yield from _cleaning(findings)
    yield f"    batch_size: {plan.batch_size}"


def _path(path: Path) -> str:
    # The parser takes a text that begins so, or that says null, for nothing.
    is_lost = str(path).startswith("#") or str(path).lower() in ("null", "~")
    return scalar(str(path.absolute() if is_lost else path))


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


def _target(target: Target) -> Iterator[str]:
    yield from comment(describe(target), 6)
    for each in target.columns:
        if each.remark:
            yield from comment(each.remark[0].upper() + each.remark[1:] + ".", 6)
    yield from comment(how_to_change(target), 6)
    yield f"      {scalar(target.task)}:"
    names = [each.name for each in target.columns]
    if len(names) == 1 and scalar(names[0]) == names[0]:
        yield f"        columns: {names[0]}"
    else:
        # The parser would take a text such as '[a]' for a list.
        yield from sequence("columns", names, 8)
    if target.classes:
        yield from sequence("classes", list(target.classes), 8)
    if target.points and target.size % 2 == 0:
        yield from comment("Where these are pixels, let them follow when images are resized:", 8)
        yield from comment("follows: {class_path: multitask.geometry.Positions}", 8)


def _split(contents: TableContents) -> Iterator[str]:
    shares = ["        val: 0.15", "        test: 0.15"]
    if contents.split is not None:
        yield from comment(
            f"The table's column {contents.split.name} says which row is for what.", 4
        )
        kind, settings = "ByColumn", [f"        column: {scalar(contents.split.name)}"]
    elif contents.group is not None:
        yield from comment(
            f"No {contents.group.name} is in two splits. There are {contents.group.distinct:,}.", 4
        )
        kind, settings = "GroupedSplit", [f"        by: {scalar(contents.group.name)}", *shares]
    else:
        yield from comment("Rows at random.", 4)
        kind, settings = "RandomSplit", shares
    yield "    split:"
    yield f"      class_path: multitask.data.splits.{kind}"
    yield "      init_args:"
    yield from settings


def _cleaning(findings: pd.DataFrame) -> Iterator[str]:
    if findings.empty:
        return
    yield from comment(
        "What cannot be used was found in the rows listed here, and is skipped. A training stops "
        "at what is of another kind.",
        4,
    )
    yield "    cleaning:"
    for kind, rows in findings.groupby("kind", sort=False):
        first = list(rows.head(MOST_ROWS).itertuples())
        listed = ", ".join(f"row {each.row} ({each.file})" for each in first)
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
        yield f"    {scalar(target.task)}:"
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
