"""Checks for common problems in the cells of a column, each with its remedy; one per function.

The checks accept the non-missing cells of a column, as text or with types.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence

import numpy as np
import pandas as pd
from pandas import Series

from multitask.remarks.label_cells import label_cells
from multitask.remarks.written_numbers import number_of, written_how

PERHAPS_MISSING = {"none", "missing", "unknown", "unk", "not available", "n.a.", "tbd", "."}
STAND_INS = {0.0, -1.0, -9.0, *(sign * float("9" * n) for n in range(2, 7) for sign in (-1, 1))}
"""Numbers that are often written for missing values."""
COMPUTERS = {-32768.0, 32767.0, 65535.0, -2147483648.0, 2147483647.0, 1e20, -1e20, 1e30, -1e30}
FEWEST_TIMES = 2
FAR = 3.0
"""Distance, in ranges of the other values, beyond which a small number such as 0 is an outlier."""
NEARLY_ALL = 0.9
MOST_NAMED = 12


def column_remarks(cells: Series, are_classes: bool) -> Iterator[str]:
    """Run all checks on a column.

    Args:
        cells: the non-missing cells; shape ``[cells]``.
        are_classes: whether they name classes; otherwise they are numbers.
    """
    if len(cells) == 0:
        return
    checks: Sequence[Callable[[Series], str | None]] = (
        (several_labels, alike_classes, stand_in_class) if are_classes else (stand_in_number,)
    )
    for check in (hot_lists, list_as_text, *checks):
        if (said := check(cells)) is not None:
            yield said


def several_labels(cells: Series) -> str | None:
    """Detect cells that hold several labels, such as ``cat;wild``."""
    found = label_cells(cells)
    if found is None or found.between is None:
        return None
    return (
        f"its cells seem to hold several labels, such as {found.example!r:.60}, and each of the "
        f"{found.combinations:,} combinations of {len(found.counts):,} labels would be a separate "
        f"class; to learn the labels, give this target labels: [{_some(found.counts)}] and "
        f"between: {found.between!r} in place of classes, and make its task a "
        "multitask.tasks.MultiLabel with the same labels"
    )


def hot_lists(cells: Series) -> str | None:
    """Detect cells that are lists of 0 and 1, which are labels rather than measurements."""
    if not all(isinstance(each, list | tuple | np.ndarray) and len(each) > 1 for each in cells):
        return None
    if not all(element in (0, 1) for each in cells for element in each):
        return None
    if all(sum(each) == 1 for each in cells):
        return (
            "its cells are lists with a single 1 (one-hot), which name one of several classes; "
            "list the classes' names, in order, as this target's classes, and make its task a "
            "multitask.tasks.Classification"
        )
    return (
        "its cells are lists of 0 and 1, which hold several labels each rather than numbers to "
        "measure; list the labels' names, in order, as this target's labels, and make its task a "
        "multitask.tasks.MultiLabel with the same labels"
    )


def list_as_text(cells: Series) -> str | None:
    """Detect cells that are lists written as text, as by programs that write CSV."""
    texts = [each for each in cells if isinstance(each, str)]
    if len(texts) < len(cells) or not all(re.fullmatch(r"[\[({].*[\])}]", each) for each in texts):
        return None
    return (
        f"its cells are lists that are written as text, such as {texts[0]!r:.40}; give each "
        "element a column, or write the table as JSON Lines or Parquet"
    )


def alike_classes(cells: Series) -> str | None:
    """Detect two classes that may be the same, and classes that may mean a missing value."""
    alike: dict[str, str] = {}
    for each in dict.fromkeys(str(cell) for cell in cells):
        if each.lower() in PERHAPS_MISSING:
            return f"a class is called {each!r}; if that means missing, list it as missing instead"
        first = alike.setdefault(" ".join(each.casefold().split()), each)
        if first != each:
            return (
                f"the classes {first!r:.40} and {each!r:.40} differ only in capitals or spaces; "
                "if they are one, write them alike in the table"
            )
    return None


def stand_in_number(cells: Series) -> str | None:
    """Detect a repeated number, such as -999, that stands for missing values."""
    found = stand_in(cells)
    if found is None:
        return None
    value, count, low, high = found
    return (
        f"{value:g} occurs in {count:,} cells, but all others are from {low:g} to {high:g}; if it "
        f"means missing, list it in this target's missing: [{value:g}]"
    )


def stand_in_class(cells: Series) -> str | None:
    """Detect a class number, such as -1, that stands for missing values."""
    values = pd.to_numeric(cells.astype(str), errors="coerce").dropna()
    if len(values) < len(cells) or values.nunique() < 3 or not (values % 1 == 0).all():
        return None
    rest = {value: values[values != value] for value in (values.min(), values.max())}
    for value, others in rest.items():
        low, high = others.min(), others.max()
        is_below = value in (-1.0, -9.0, -99.0, -999.0) and low >= 0
        if is_below or (value in (99.0, 999.0, 9999.0) and value > 2 * high + 1):
            return (
                f"the class {value:g} may mean missing, because all others are from {low:g} "
                f"to {high:g}; if it does, remove it from classes and list it in this target's "
                f"missing: [{value:g}]"
            )
    return None


def stand_in(cells: Series) -> tuple[float, int, float, float] | None:
    """Find a number that stands for missing values.

    Args:
        cells: see `column_remarks`.

    Returns:
        The number, how often it occurs, and the lowest and highest of the other values.
    """
    values = pd.to_numeric(Series([number_of(each) for each in cells]), errors="coerce")
    values = values[np.isfinite(values.astype(float))]
    if values.nunique() < 3:
        return None
    for value in (values.min(), values.max()):
        others, count = values[values != value], int((values == value).sum())
        low, high = float(others.min()), float(others.max())
        gap = low - value if value < low else value - high
        is_far = gap > (1 if abs(value) > 10 else FAR) * max(high - low, 1e-12)
        is_sign = value in (-1.0, -9.0) and low >= 0 and not _steps_to(float(value), others)
        known = value in COMPUTERS or value in STAND_INS
        if known and count >= FEWEST_TIMES and (is_sign or is_far):
            return float(value), count, low, high
    return None


def _steps_to(value: float, others: Series) -> bool:
    """Return whether the others are integers that continue the value in steps of 1, as -1, 0, 1."""
    return bool((others % 1 == 0).all()) and float(others.min()) - value <= 1


def written_numbers(cells: Series) -> str | None:
    """Detect numbers in a human format: with a unit, a sign or a comma."""
    texts = [str(each) for each in cells]
    written = [each for each in texts if number_of(each) is None]
    how = {each: written_how(each) for each in dict.fromkeys(written)}
    odd = [each for each in written if how[each] is not None]
    if not odd or len(texts) - len(written) + len(odd) < NEARLY_ALL * len(texts):
        return None
    return (
        f"{len(odd):,} of its cells are numbers with {how[odd[0]]}, such as {odd[0]!r:.40}; write "
        "only the number, with a decimal point and without thousands separators"
    )


def _some(names: Iterable[str]) -> str:
    found = list(names)
    return ", ".join(found[:MOST_NAMED]) + (", ..." if len(found) > MOST_NAMED else "")
