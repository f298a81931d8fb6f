"""Neighbouring yes/no columns: several labels, which may form one task."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from itertools import groupby

ANSWERS = ({"0", "1"}, {"true", "false"}, {"yes", "no"}, {"y", "n"})
FEWEST = 3
MOST_NAMED = 12


def yes_or_no(columns: Mapping[str, Collection[str]]) -> Iterator[list[str]]:
    """Find runs of columns that hold yes and no.

    Args:
        columns: distinct cells by name, in the table's order.

    Yields:
        The names of adjacent columns, three or more.
    """
    for holds, run in groupby(columns, lambda name: _are_answers(columns[name])):
        names = list(run)
        if holds and len(names) >= FEWEST:
            yield names


def yes_or_no_remark(columns: Sequence[str]) -> str:
    """Explain how to combine columns that are separate tasks into one.

    Args:
        columns: see `yes_or_no`.
    """
    more = ", ..." if len(columns) > MOST_NAMED else ""
    listed = f"[{', '.join(columns[:MOST_NAMED])}{more}]"
    return (
        f"the {len(columns)} columns from {columns[0]} to {columns[-1]} hold yes or no; to learn "
        f"them as one task of several labels, write one target with columns: {listed} and labels: "
        f"{listed}, and a task multitask.tasks.MultiLabel with the same labels"
    )


def _are_answers(cells: Collection[str]) -> bool:
    return {each.lower() for each in cells} in ANSWERS
