"""Other kinds of tasks that may fit a table's target, by its cells and its names."""

from __future__ import annotations

from collections.abc import Sequence

from multitask.inspection.column_kinds import Column, is_number
from multitask.inspection.name_hints import (
    says_angle,
    says_event,
    says_grade,
    says_number_of,
    says_time,
)
from multitask.inspection.table_targets import Target
from multitask.remarks.ordered_words import ordered

CIRCLE = 360.0
FEWEST_GRADES = 3


def has_order(target: Target) -> bool:
    """Return whether the classes of a target are steps of a scale."""
    return not target.hot and ordered(list(target.classes)) is not None


def kind_hint(target: Target, targets: Sequence[Target]) -> str:
    """Suggest another kind of task for a target; empty if there is none.

    Args:
        target: a target of a table.
        targets: all targets of the table.
    """
    if len(target.columns) > 1 or target.size > 1 or target.maps is not None:
        return ""
    column = target.columns[0]
    if (event := _event_beside(column, targets)) is not None:
        return _survival(column.name, event.name)
    if target.classes:
        return _of_classes(target)
    if says_angle(column.name) and _within(column, -CIRCLE, CIRCLE):
        return (
            "If this is an angle in degrees, with a period of 360 (180 for an axis), make the task "
            "a multitask.tasks.Angle, and let the target follow when images are turned: "
            "follows: {class_path: multitask.geometry.Angle}."
        )
    if column.is_whole and _within(column, 0.0, float("inf")):
        low = column.limits[0] if column.limits else 1.0
        if low == 0 or says_number_of(column.name):
            return (
                "If this counts things, make the task a multitask.tasks.Count, whose errors may "
                "grow with the count, or a multitask.tasks.NegativeBinomial if counts vary more "
                "than their mean."
            )
    return ""


def _of_classes(target: Target) -> str:
    if has_order(target):
        return (
            "These classes have an order, from the lowest to the highest, so the task is a "
            "multitask.tasks.Ordinal; if the order means nothing, make it a Classification."
        )
    names = list(target.classes)
    if says_grade(target.columns[0].name) and len(names) >= FEWEST_GRADES:
        return (
            "If these classes are steps of a scale, list them from the lowest to the highest, here "
            "and in the task, and make the task a multitask.tasks.Ordinal."
        )
    return ""


def _event_beside(time: Column, targets: Sequence[Target]) -> Column | None:
    """Find the column that indicates whether the event of a time was observed, if there is one."""
    if not says_time(time.name) or not is_number(time) or time.limits is None or time.limits[0] < 0:
        return None
    others = [each.columns[0] for each in targets if len(each.columns) == 1]
    found = [each for each in others if says_event(each.name) and each.distinct == 2]
    return found[0] if found else None


def _survival(time: str, event: str) -> str:
    return (
        f"If {event} records whether the event had happened by {time}, both are one target: remove "
        f"the two and write one of columns: [{time}, {event}], with 1 for an event and 0 if it had "
        "not happened (censored), and make the task a multitask.tasks.Hazard."
    )


def _within(column: Column, low: float, high: float) -> bool:
    return column.limits is not None and low <= column.limits[0] and column.limits[1] <= high
