"""Detection of the column that groups rows, such as those of one person."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from multitask.inspection.column_kinds import Column
from multitask.inspection.name_hints import says_class, says_group, says_species

FEWEST_GROUPS, FEWEST_UNSAID = 3, 10
MANY_CLASSES, MOST_ROWS_OF_ONE = 50, 20
LEAST_REPEATED = 1.2
"""Average number of rows per group below which a column is probably not a grouping."""
NEARLY_ALWAYS = 0.9
ENOUGH = 0.2
"""How well others of a group predict a label, from 0 (chance) to 1 (always)."""
BEFORE = (":", " - ", ",", " (", "_", "-", "/")
"""Separators after a common prefix of several cells, as in ``waving hand: light skin``."""
NUMBERED = r"^(\D*[^\W\d]\D*)\d+$"
"""Pattern of things of one kind that are numbered, as in ``plant 12``."""
DAY = r"\d{4}[-/.]\d{1,2}[-/.]\d{1,2}|\d{1,2}[-/.]\d{1,2}[-/.]\d{4}"
DATE = rf"({DAY})([ T].*)?"


@dataclass(frozen=True)
class Group:
    """A column whose cells define groups of rows.

    Args:
        column: name of the column.
        before: if not empty, the separator after the group's name in a cell.
        groups: number of groups.
        mates: fraction of the rows that share a group with others.
        told: for each target, how often others of the group predict the label, and how often the
            most frequent class does.
    """

    column: Column
    before: str
    groups: int
    mates: float
    told: dict[str, tuple[float, float]] = field(default_factory=dict)

    def promise(self) -> str:
        """What a random split would have suggested, in a sentence."""
        each = "".join(
            f"; for {name}, copying the label of another such row is right in {right:.0%} of the "
            f"rows, the most frequent class in {most:.0%}"
            for name, (right, most) in self.told.items()
        )
        return (
            f"At random, {self.mates:.0%} of the rows would have others of the same "
            f"{self.column.name} in the training set{each}: results would look better than they "
            "are for new ones."
        )


def find_group(
    table: pd.DataFrame, columns: Sequence[Column], targets: Mapping[str, Sequence[str]]
) -> Group | None:
    """Find the column that groups rows.

    Args:
        table: cells as text, None if missing.
        columns: the candidate columns.
        targets: labels that are classes, by column name; each ``[rows]``.

    Returns:
        The column whose name indicates groups, or else the one whose groups best predict a target.
    """
    found: list[tuple[bool, float, Group]] = []
    for column in columns:
        said = column.kind == "group" and says_group(column.name)
        for before, names in _candidates(column, table[column.name], said):
            others = {name: each for name, each in targets.items() if name != column.name}
            group, evidence = _judged(column, before, names, others, said)
            if group is not None and (said or evidence >= ENOUGH):
                found.append((said, evidence, group))
    return max(found, key=lambda each: each[:2], default=(False, 0.0, None))[2]


def _candidates(column: Column, cells: pd.Series, said: bool) -> Iterator[tuple[str, pd.Series]]:
    if column.missing or column.distinct < FEWEST_GROUPS:
        return
    texts = cells.astype(str)
    rows = len(texts)
    if said:
        yield "", texts
        return
    if texts.str.fullmatch(DATE).all():
        days = texts.str.replace(r"[ T].*", "", regex=True)
        if days.nunique() == texts.nunique():
            yield "", texts
        else:
            yield ("T" if texts.str.contains("T").all() else " "), days
        return
    strict = says_class(column.name) and not says_species(column.name)
    if column.kind == "classes":
        kinds = texts.str.extract(NUMBERED)[0]
        is_numbered = bool(kinds.notna().all()) and kinds.nunique() == 1
        fewest = FEWEST_UNSAID if is_numbered else MANY_CLASSES
        is_fine = column.distinct >= fewest and rows / column.distinct <= MOST_ROWS_OF_ONE
        if is_fine and not strict:
            yield "", texts
        return
    if column.kind == "image":
        texts = texts.str.replace(r"\.\w+$", "", regex=True)
    elif column.kind not in ("group", "identifier", "text") or column.remark:
        # A remark on such a column says that its cells are something else, such as 3,5 for 3.5.
        return
    if _are_groups(texts):
        yield "", texts
    for before in BEFORE:
        names = texts.str.split(before, n=1, regex=False).str[0].str.strip()
        if texts.str.contains(before, regex=False).mean() > ENOUGH and _are_groups(names):
            yield before, names


def _are_groups(names: pd.Series) -> bool:
    count = names.nunique()
    return count >= FEWEST_UNSAID and len(names) / count >= LEAST_REPEATED


def _judged(
    column: Column,
    before: str,
    names: pd.Series,
    targets: Mapping[str, Sequence[str]],
    said: bool,
) -> tuple[Group | None, float]:
    _, groups = np.unique(names.to_numpy(dtype=str), return_inverse=True)
    sizes = np.bincount(groups)
    mates = float((sizes[groups] > 1).mean())
    if len(sizes) < FEWEST_GROUPS or len(sizes) == len(groups):
        return None, 0.0
    labels = {name: np.array(each, dtype=str) for name, each in targets.items()}
    if not said and any(
        _gain(*_told(_numbered(each), groups)) > NEARLY_ALWAYS for each in labels.values()
    ):
        # Each group is a class under another name.
        return None, 0.0
    told = {name: _told(groups, each) for name, each in labels.items()}
    useful = {
        name: (right, most) for name, (right, most) in told.items() if _gain(right, most) >= ENOUGH
    }
    evidence = max((_gain(*each) for each in told.values()), default=0.0)
    return Group(column, before, len(sizes), mates, useful), evidence * mates


def _numbered(labels: np.ndarray) -> np.ndarray:
    return np.unique(labels, return_inverse=True)[1]


def _gain(right: float, most: float) -> float:
    return (right - most) / (1 - most) if most < 1 else 0.0


def _told(groups: np.ndarray, labels: np.ndarray) -> tuple[float, float]:
    """Return how often others of the group, and the most frequent label, predict a row's label."""
    _, numbers = np.unique(labels, return_inverse=True)
    totals = np.bincount(numbers)
    pairs, places, counts = np.unique(
        groups * len(totals) + numbers, return_inverse=True, return_counts=True
    )
    right = 0
    best: dict[int, list[tuple[int, int]]] = {}
    for pair, count in zip(pairs.tolist(), counts.tolist(), strict=True):
        best.setdefault(pair // len(totals), []).append((count, pair % len(totals)))
    for row, (group, number) in enumerate(zip(groups.tolist(), numbers.tolist(), strict=True)):
        own = counts[places[row]] - 1
        others = max((count for count, each in best[group] if each != number), default=0)
        right += own > others or (own == others == 0 and number == int(totals.argmax()))
    return right / len(labels), float(totals.max()) / len(labels)
