"""Cells with several labels each: names in one text, names in a list, or lists of 0 and 1."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from pandas import Series

from multitask.remarks.written_numbers import number_of

STRONG, WEAK = ("|", ";", "\n", "\t"), (",", "/", "+", "&", " ")
"""Separators of labels: those rare in other texts, and those also common in other texts."""
OFTEN = 0.2
"""Least fraction of the cells that must name more than one label."""
FEWER_LABELS = 0.8
"""Labels per combination below which words are labels rather than parts of names."""
SURELY_FEWER = 0.5
"""Labels per combination below which words are certainly labels."""
MOST_LABELS, MOST_WORDS, LEAST_TIMES = 1000, 100, 3
"""Most labels, most labels with a blank or another weak separator, and least average count of
labels rather than words of a text."""
NONE_WORDS = {"none", "nothing", "no finding", "no findings", "no label", "no labels"}
EMPTY_LIST = "[]"
"""A text cell without labels, as programs write an empty list."""


@dataclass(frozen=True)
class LabelCells:
    """The labels of cells with several labels each.

    Args:
        counts: for each label, the number of cells that name it, unordered; for lists of 0 and 1,
            the labels are the indices.
        cells: number of cells.
        combinations: number of distinct cells.
        between: the separator of the labels; None for lists.
        none: the word that stands for no label, if there is one.
        is_hot: whether cells are lists of 0 and 1.
        is_sure: whether any other interpretation is unlikely.
        example: a cell with several labels, as text.
    """

    counts: dict[str, int]
    cells: int
    combinations: int
    between: str | None = None
    none: str | None = None
    is_hot: bool = False
    is_sure: bool = True
    example: str = ""


def label_cells(cells: Series) -> LabelCells | None:
    """Detect cells that hold several labels.

    Args:
        cells: the non-missing cells; shape ``[cells]``.

    Returns:
        The labels found; None if there are none.
    """
    if len(cells) == 0:
        return None
    if all(isinstance(each, list | tuple | np.ndarray) for each in cells):
        lists = [list(each) for each in cells]
        return _hot(lists) or _named(lists)
    if all(isinstance(each, str) for each in cells):
        return _texts(Counter(map(str, cells)))
    return None


def _hot(lists: Sequence[list[Any]]) -> LabelCells | None:
    """Detect lists of 0 and 1 of one length, unless each has a single 1, which names a class."""
    sizes = {len(each) for each in lists}
    if len(sizes) > 1 or sizes <= {0, 1}:
        return None
    rows = [[_zero_or_one(element) for element in each] for each in lists]
    if any(element is None for each in rows for element in each):
        return None
    values = np.array(rows, dtype=float)
    ones = (values == 1).sum(1)
    if (ones == 1).all() or not (ones > 1).any():
        return None
    counts = {str(at): int(count) for at, count in enumerate((values == 1).sum(0))}
    combinations = len({tuple(each) for each in values.tolist()})
    return LabelCells(counts, len(lists), combinations, is_hot=True, example=str(lists[0]))


def _zero_or_one(element: Any) -> float | None:
    if element is None or (isinstance(element, float | np.floating) and element != element):
        return -1.0
    is_number = isinstance(element, bool | int | float | np.bool_ | np.number)
    return float(element) if is_number and element in (0, 1) else None


def _named(lists: Sequence[list[Any]]) -> LabelCells | None:
    """Detect lists of names: texts, or whole numbers if the lists differ in length."""
    elements = [element for each in lists for element in each]
    are_texts = all(isinstance(each, str) for each in elements)
    are_numbers = all(isinstance(each, int | np.integer) for each in elements)
    if not elements or not (are_texts or (are_numbers and len({*map(len, lists)}) > 1)):
        return None
    if any(len(each) != len({*each}) for each in lists):
        return None
    counts = Counter(map(str, elements))
    combinations = Counter(tuple(map(str, each)) for each in lists)
    several = sum(len(each) > 1 for each in lists)
    if not _are_few(counts) or several < OFTEN * len(lists):
        return None
    example = next(each for each in combinations if len(each) > 1)
    return LabelCells(dict(counts), len(lists), len(combinations), example=", ".join(example))


def _texts(texts: Counter[str]) -> LabelCells | None:
    for between in (*STRONG, *WEAK):
        parts = {each: _parts(each, between) for each in texts}
        if not _are_combinations(parts, texts, between):
            continue
        counts: Counter[str] = Counter()
        for each, found in parts.items():
            counts.update(dict.fromkeys(found, 0) | dict.fromkeys(found, texts[each]))
        none = _none_of(parts, counts)
        labels = {name: count for name, count in counts.items() if name != none}
        repeats = any(len(found) != len({*found}) for found in parts.values())
        few = between in STRONG or len(labels) <= min(SURELY_FEWER * len(parts), MOST_WORDS)
        return LabelCells(
            labels,
            texts.total(),
            len(parts),
            between,
            none,
            is_sure=few and not repeats and _are_few(labels),
            example=next(each for each in texts if len(parts[each]) > 1),
        )
    return None


def _are_few(counts: Mapping[str, int]) -> bool:
    return len(counts) <= MOST_LABELS and sum(counts.values()) >= LEAST_TIMES * len(counts)


def _none_of(parts: Mapping[str, list[str]], counts: Mapping[str, int]) -> str | None:
    """Find a word such as ``none`` that always stands alone."""
    together = {part for found in parts.values() if len(found) > 1 for part in found}
    return next(
        (each for each in counts if each.lower() in NONE_WORDS and each not in together), None
    )


def _parts(cell: str, between: str) -> list[str]:
    if cell.strip() == EMPTY_LIST:
        return []
    return [each for part in cell.split(between) if (each := part.strip())]


def _are_combinations(parts: dict[str, list[str]], counts: Counter[str], between: str) -> bool:
    several = [each for each, found in parts.items() if len(found) > 1]
    if sum(counts[each] for each in several) < OFTEN * counts.total():
        return False
    labels = Counter(part for found in parts.values() for part in dict.fromkeys(found))
    sizes = {len(found) for found in parts.values()}
    # The same number of numbers in each cell is a vector.
    if any(number_of(each) is not None for each in labels) and (
        len(sizes) == 1 or between not in (*STRONG, " ")
    ):
        return False
    if between in STRONG:
        return any(count > 1 for count in labels.values())
    limit = FEWER_LABELS if between == " " else 1.0
    return len(sizes) > 1 and len(labels) < limit * len(parts)
