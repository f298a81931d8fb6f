"""The content of each column of a table, inferred from its cells and its name."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import numpy as np
import pandas as pd

from multitask.inspection.box_lists import box_lists_remark
from multitask.inspection.name_hints import (
    says_class,
    says_count,
    says_group,
    says_identifier,
    says_split,
)
from multitask.inspection.natural_order import natural
from multitask.inspection.split_names import split_name
from multitask.inspection.table_cells import known_cells, list_length
from multitask.remarks.columns import column_remarks, list_as_text, written_numbers
from multitask.remarks.label_cells import LabelCells, label_cells
from multitask.remarks.ordered_words import ordered
from multitask.tables.label_columns import is_list
from multitask.tables.split_words import split_of
from multitask.tables.target_cells import cell_text

Kind = Literal[
    "classes",
    "numbers",
    "labels",
    "image",
    "split",
    "group",
    "identifier",
    "text",
    "constant",
    "empty",
]
IMAGE = r"(?i).*\.(png|jpe?g|bmp|tiff?|gif|webp|ppm|pgm|jp2)$"
MOST_CLASSES, MOST_INTEGER_CLASSES = 1000, 20
FEWEST_OF_A_CLASS = 2
FEWEST_OF_AN_INTEGER = 3
LONG_TEXT = 60
NEARLY_ALL = 0.9
UNSPACED = r"[\u0e00-\u0eff\u3040-\u30ff\u3400-\u9fff]{4}"
"""Letters of scripts without blanks between words: Thai, Lao, Japanese, Chinese."""
CODE = r"[0-9a-fA-F-]+|\S*[/\\]\S*"
"""Patterns of hexadecimal numbers, and of paths and addresses."""
LONGEST_WORD = 20.0
"""Average number of letters per blank up to which blanks separate words."""


@dataclass(frozen=True)
class Column:
    """The content of a column.

    Args:
        name: its name in the table.
        kind: its inferred kind.
        rows: number of rows of the table.
        known: number of non-empty cells.
        distinct: number of distinct cells.
        counts: for classes, in order: the number of cells of each.
        limits: for numbers: the lowest and the highest finite number.
        size: for numbers: how many each cell contains; more than 1 if cells are lists.
        remark: possible problems of the cells; empty if there are none.
        is_whole: for numbers: whether all are integers.
        several: for cells with several labels each: the labels.
        words: for free text: the average number of words per cell; otherwise 0.
        is_spaced: for free text: whether blanks separate words.
    """

    name: str
    kind: Kind
    rows: int
    known: int
    distinct: int
    counts: dict[str, int] = field(default_factory=dict)
    limits: tuple[float, float] | None = None
    size: int = 1
    remark: str = ""
    is_whole: bool = False
    several: LabelCells | None = None
    words: float = 0.0
    is_spaced: bool = True

    @property
    def missing(self) -> int:
        """Number of empty cells."""
        return self.rows - self.known

    def without(self, value: float, count: int, limits: tuple[float, float]) -> Column:
        """Return the same numbers without a number that stands for missing values.

        Args:
            value: that number.
            count: how often it occurs.
            limits: the lowest and highest of the other numbers.
        """
        remark = (
            f"{value:g} is far from all other numbers and occurs in {count:,} cells, so it is "
            "treated as missing; if it is a measurement, remove it from missing below"
        )
        known, distinct = self.known - count, self.distinct - 1
        return replace(self, known=known, distinct=distinct, limits=limits, remark=remark)


def column_kinds(table: pd.DataFrame, missing: Sequence[str] = ()) -> list[Column]:
    """Infer the content of each column of a table.

    Args:
        table: the cells, as text or with types; missing cells are NaN or None.
        missing: texts that also mark missing cells.
    """
    return [column_kind(table[name], missing) for name in table.columns]


def column_kind(column: pd.Series, missing: Sequence[str] = ()) -> Column:
    """Infer the content of a column.

    Args:
        column: its cells, as text or with a type; missing cells are NaN or None.
        missing: texts that also mark missing cells.
    """
    cells = known_cells(column, missing)
    texts = _plain_classes(cells.map(cell_text).astype(str))
    distinct = texts.nunique()
    name, size = str(column.name), (len(column), len(cells), distinct)
    if distinct == 0:
        return Column(name, "empty", *size)
    if says_split(name) and all(split_of(each) for each in texts.unique()):
        return Column(name, "split", *size, counts=_counts(texts))
    if (boxes := box_lists_remark(name, cells)) is not None:
        return Column(name, "text", *size, remark=boxes)
    if is_list(cells.iloc[0]) and (found := label_cells(cells)) is not None:
        return Column(name, "labels", *size, several=found)
    if (length := list_length(cells)) > 0:
        return _lists(name, size, cells, length)
    if texts.str.fullmatch(IMAGE).mean() > NEARLY_ALL / 2:
        return Column(name, "image", *size)
    if distinct == 1:
        return Column(name, "constant", *size, remark=f"always {texts.iloc[0]!r:.40}")
    numbers = pd.to_numeric(texts, errors="coerce")
    if numbers.notna().all() and not texts.str.match(r"[+-]?0\d").any():
        return _numeric(name, size, texts, numbers.astype(float))
    return _textual(name, size, texts, _no_numbers(texts, numbers))


def is_number(column: Column) -> bool:
    """Return whether all known cells of a column are single numbers, even if these may be classes.

    Args:
        column: the column.
    """
    try:
        return (
            column.size == 1 and bool(column.counts or column.limits) and bool(as_numbers(column))
        )
    except ValueError:
        return False


def as_numbers(column: Column) -> Column:
    """Return the same column, with numeric classes treated as numbers.

    Args:
        column: see `is_number`.

    Raises:
        ValueError: if a class is not a number.
    """
    if not column.counts:
        return column
    values = [float(each) for each in column.counts]
    return replace(column, kind="numbers", counts={}, limits=(min(values), max(values)))


def _lists(name: str, size: tuple[int, int, int], cells: pd.Series, length: int) -> Column:
    try:
        values = np.array([[_number(element) for element in each] for each in cells])
    except (TypeError, ValueError):
        return Column(name, "text", *size, remark="its lists do not contain only numbers")
    limits, remark = _limits(pd.Series(values.ravel())), _remarks(cells, False)
    return Column(name, "numbers", *size, limits=limits, size=length, remark=remark)


def _numeric(name: str, size: tuple[int, int, int], texts: pd.Series, numbers: pd.Series) -> Column:
    known, distinct = size[1], numbers.nunique()
    whole = bool((numbers % 1 == 0).all())
    if distinct < size[2] and texts.str.fullmatch(r"[+-]?\d+").all():
        # Floating-point numbers cannot distinguish them.
        return Column(name, "identifier", *size, remark="whole numbers with very many digits")
    if whole and says_group(name):
        return Column(name, "group" if distinct < known else "identifier", *size)
    if whole and says_identifier(name) and not says_count(name):
        return Column(name, "group" if distinct <= known / 2 else "identifier", *size)
    if whole and distinct == known and known > 9 and numbers.max() - numbers.min() == known - 1:
        return Column(name, "identifier", *size, remark="row numbers")
    if whole and _are_classes(name, numbers) and texts.nunique() == distinct:
        return Column(
            name, "classes", *size, counts=_counts(texts), remark=_class_remarks(name, texts)
        )
    limits, remark = _limits(numbers), _remarks(texts, False)
    return Column(name, "numbers", *size, limits=limits, remark=remark, is_whole=whole)


def _are_classes(name: str, numbers: pd.Series) -> bool:
    distinct, known = numbers.nunique(), len(numbers)
    if says_count(name):
        return False
    if says_class(name):
        return distinct <= min(MOST_CLASSES, known / FEWEST_OF_A_CLASS)
    is_dense = distinct == 2 or numbers.max() - numbers.min() < 2 * distinct
    return is_dense and distinct <= min(MOST_INTEGER_CLASSES, known / FEWEST_OF_AN_INTEGER)


def _plain_classes(texts: pd.Series) -> pd.Series:
    """Convert integers that were written as floats, such as ``2.0``, to integers."""
    if not texts.str.fullmatch(r"[+-]?\d+\.0+").all():
        return texts
    return texts.str.replace(r"\.0+$", "", regex=True)


def _textual(name: str, size: tuple[int, int, int], texts: pd.Series, remark: str) -> Column:
    _, known, distinct = size
    repeated = distinct <= min(MOST_CLASSES, known / FEWEST_OF_A_CLASS)
    if written := written_numbers(texts):
        # A magnification such as 20x or a grade such as 2+ is probably a class.
        may_be = "with a unit" in written or "with a mark" in written
        if may_be and distinct <= known / FEWEST_OF_AN_INTEGER:
            return Column(name, "classes", *size, counts=_counts(texts), remark=written)
        return Column(name, "text", *size, remark=written)
    if remark:
        return Column(name, "text", *size, remark=remark)
    if says_group(name):
        return Column(name, "group" if distinct < known else "identifier", *size)
    if says_identifier(name):
        return Column(name, "group" if distinct <= known / 2 else "identifier", *size)
    if (as_text := list_as_text(texts)) is not None:
        return Column(name, "text", *size, remark=as_text)
    several = label_cells(texts)
    if several is not None and several.is_sure:
        return Column(name, "labels", *size, several=several)
    remark = _perhaps_labels(several)
    if texts.str.len().mean() > LONG_TEXT:
        return _free_text(name, size, texts, remark)
    if repeated:
        return Column(
            name, "classes", *size, counts=_counts(texts), remark=_class_remarks(name, texts)
        )
    if texts.str.contains(" ").mean() > 0.5 or texts.str.contains(UNSPACED).mean() > 0.5:
        return _free_text(name, size, texts, remark)
    return Column(name, "identifier", *size, remark=remark)


def _free_text(name: str, size: tuple[int, int, int], texts: pd.Series, remark: str) -> Column:
    if texts.str.fullmatch(CODE).mean() > 0.5:
        return Column(name, "text", *size, remark=remark)
    words = float(texts.str.split().str.len().mean())
    letters = float(texts.str.len().mean())
    is_spaced = letters / max(words, 1.0) < LONGEST_WORD
    is_spaced = is_spaced and texts.str.contains(UNSPACED).mean() <= 0.5
    return Column(name, "text", *size, remark=remark, words=words, is_spaced=is_spaced)


def _perhaps_labels(several: LabelCells | None) -> str:
    if several is None:
        return ""
    return (
        f"it is text, or its cells hold several labels each, such as {several.example!r:.60}; to "
        f"learn {len(several.counts):,} labels, write a target with labels, their names, and "
        f"between: {several.between!r}, and a task multitask.tasks.MultiLabel with the same labels"
    )


def _no_numbers(texts: pd.Series, numbers: pd.Series) -> str:
    odd = texts[numbers.isna()]
    if len(odd) == 0 or len(odd) > (1 - NEARLY_ALL) * len(texts):
        return ""
    what = "is not a number" if len(odd) == 1 else "are not numbers"
    return f"{len(odd)} of its cells {what}, such as {odd.iloc[0]!r:.40}"


def _remarks(cells: pd.Series, are_classes: bool) -> str:
    return "; also, ".join(column_remarks(cells, are_classes))


def _class_remarks(name: str, cells: pd.Series) -> str:
    named = split_name(name, cells)
    return "; also, ".join([*([named] if named else []), *column_remarks(cells, True)])


def _counts(texts: pd.Series) -> dict[str, int]:
    counts = texts.value_counts()
    names = list(counts.index)
    return {name: int(counts[name]) for name in ordered(names) or natural(names)}


def _limits(numbers: pd.Series) -> tuple[float, float] | None:
    finite = numbers[numbers.abs() < float("inf")]
    return (float(finite.min()), float(finite.max())) if len(finite) else None


def _number(element: Any) -> float:
    return float("nan") if element is None else float(element)
