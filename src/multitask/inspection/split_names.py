"""A column whose name suggests that it contains the split of each row, in words of its own."""

from __future__ import annotations

import re

from pandas import Series

from multitask.tables.split_words import NAMES, WORDS

MOST_DISTINCT = 5
SHORTEST = 3
"""Length of the shortest word in a name that says something: ``te`` and ``va`` are too short."""


def split_name(name: str, cells: Series) -> str | None:
    """Detect such a column among those that hold classes.

    Args:
        name: the column's name.
        cells: the non-missing cells; shape ``[cells]``.
    """
    spaced = re.sub(r"([a-z0-9])([A-Z])", r"\1 \2", name).casefold()
    words = {each for each in re.findall(r"[^\W_\d]+", spaced) if len(each) >= SHORTEST}
    if not words & (NAMES | WORDS.keys()) or not 1 < cells.nunique() <= MOST_DISTINCT:
        return None
    found = ", ".join(map(str, cells.unique()[:MOST_DISTINCT]))
    return (
        f"its name suggests that it contains the split of each row; if it does, give its cells "
        f"({found}) a meaning with data.init_args.split=multitask.data.splits.ByColumn, "
        f"data.init_args.split.init_args.column={name} and words such as "
        f"{{{cells.mode()[0]}: train}}, and remove this target and its task"
    )
