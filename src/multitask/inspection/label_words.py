"""Descriptions of targets with several labels, and their lines in an experiment file."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from multitask.inspection.column_kinds import Column
from multitask.inspection.yaml_lines import scalar, sequence
from multitask.remarks.label_cells import LabelCells

MOST_COUNTS = 20


def describe_labels(task: str, names: Sequence[str], found: LabelCells, column: Column) -> str:
    """Describe a target of several labels in a sentence.

    Args:
        task: name of the task.
        names: names of the labels, in order.
        found: the labels in its cells.
        column: the column of the cells.
    """
    each = sum(found.counts.values()) / found.cells
    few = len(names) <= MOST_COUNTS
    ranked = names if few else sorted(names, key=lambda name: -found.counts[name])[:MOST_COUNTS]
    counts = ", ".join(f"{name} {found.counts[name]:,}" for name in ranked)
    most = "" if few else f"the {MOST_COUNTS} most frequent: "
    return (
        f"{task}: {len(names)} labels, {each:.3g} of them in a cell on average; "
        f"{column.missing:,} of {column.rows:,} cells are missing; {most}{counts}."
    )


def change_labels(found: LabelCells) -> str:
    """Explain what to do if the cells are something else.

    Args:
        found: the inferred labels.
    """
    if found.is_hot:
        return (
            "Cells are lists of 0 and 1, and several may be 1. The table does not name the "
            "labels: give them names here and in the task. If these are numbers, remove labels, "
            "and make the task a multitask.tasks.Regression with their number as size."
        )
    if found.between is None:
        return "Cells are lists of labels; an empty list means none of them, an empty cell unknown."
    return (
        "Cells hold several labels each; an empty cell is unknown. If each cell is a separate "
        "class, list the cells as classes in place of labels and between, and make the task a "
        "multitask.tasks.Classification with their number as num_classes."
    )


def labels_of(names: Sequence[str], found: LabelCells) -> Iterator[str]:
    """Write the settings of a target's columns as lines of YAML.

    Args:
        names: names of the labels, in order.
        found: the labels in the cells.
    """
    yield from sequence("labels", names, 8)
    if found.between is not None:
        yield f"        between: {scalar(found.between)}"
    if found.none is not None:
        yield "        # The word that means that no label applies."
        yield f"        none: {scalar(found.none)}"
