"""Descriptions of targets, for the comments of an experiment file."""

from __future__ import annotations

from multitask.inspection.label_words import change_labels, describe_labels
from multitask.inspection.table_targets import Target
from multitask.tables.box_columns import WORDS

MOST_COUNTS = 20


def describe(target: Target) -> str:
    """Describe a target in a sentence: its kind, missing values, and classes or range.

    Args:
        target: a target of a table.
    """
    column = target.columns[0]
    if target.several is not None:
        return describe_labels(target.task, target.labels, target.several, column)
    missing = sum(each.missing for each in target.columns)
    gone = f"{missing:,} of {len(target.columns) * column.rows:,} cells are missing"
    if target.maps is not None:
        looked = f"{target.maps.looked_at:,} files were inspected"
        return f"{target.task}: maps; {gone}; {looked}: {target.maps.told}."
    if target.classes:
        ranked = sorted(target.classes.items(), key=lambda item: -item[1])
        few = len(ranked) <= MOST_COUNTS
        shown = list(target.classes.items()) if few else ranked[:MOST_COUNTS]
        counts = ", ".join(f"{name} {count:,}" for name, count in shown)
        most = "" if few else f"the {MOST_COUNTS} most frequent: "
        return f"{target.task}: {len(ranked)} classes; {gone}; {most}{counts}."
    kind = f"a vector of {target.size} numbers" if target.size > 1 else "a number"
    if target.box is not None:
        kind = f"a box in pixels ({WORDS[target.box]})"
    limits = [each.limits for each in target.columns if each.limits]
    if not limits:
        return f"{target.task}: {kind}; {gone}; none is finite."
    low, high = min(each[0] for each in limits), max(each[1] for each in limits)
    return f"{target.task}: {kind}; {gone}; from {low:g} to {high:g}."


def how_to_change(target: Target) -> str:
    """Explain what to do if a target is something else; empty if that is unlikely.

    Args:
        target: a target of a table.
    """
    if target.maps is not None:
        return target.maps.hint
    if target.box is not None:
        return (
            "If it is not a box in the image, remove box here, and make the task a "
            "multitask.tasks.Regression of size 4."
        )
    if target.points and target.size % 2 == 0:
        points = target.size // 2
        return (
            "To learn them apart, write a target and a task for each. If "
            f"{'this is a point' if points == 1 else 'these are points'} in the image, make the "
            f"task a multitask.tasks.Keypoints with points: {points}, or a list of names"
            f"{', and a reference' if points == 1 else ''}; it accepts the columns of several "
            "points, x and y of each, in one target."
        )
    if target.several is not None:
        return change_labels(target.several)
    if len(target.columns) > 1:
        return "To learn them apart, write a target and a task for each."
    if target.size > 1:
        return ""
    if not target.classes:
        return (
            "If these are classes, list them here as classes, and make the task a "
            "multitask.tasks.Classification with their number as num_classes."
        )
    try:
        [float(each) for each in target.classes]
    except ValueError:
        return ""
    return (
        "If these are numbers, remove classes here, and make the task a multitask.tasks.Regression "
        "without init_args."
    )
