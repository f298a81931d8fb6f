"""Conversion of the cells of targets to class indices and numbers."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from numbers import Real
from typing import Any

import numpy as np
import pandas as pd
import torch
from pandas import DataFrame, Series
from torch import Tensor

from multitask.errors import nearest
from multitask.missing_labels import MISSING_CLASS
from multitask.remarks.written_numbers import number_of, written_how
from multitask.tables.class_folders import is_image_name

TRUTHS_OF_YAML = ("yes", "no", "on", "off")
TRUTHS = ("true", "false", "yes", "no")
LARGEST = float(np.finfo(np.float32).max)
MOST = 10**300
FINE = 1e-3
"""Number of standard deviations by which rounding may change a value."""


UNREADABLE = "unreadable_target"
NO_NUMBER = (
    "; if it means missing, list it in data.init_args.missing, and if it is a class, list those in "
    "the target's classes"
)


@dataclass(frozen=True)
class Cell:
    """A cell that cannot be used unchanged.

    Args:
        place: index of the row in the table.
        column: name of its column.
        reason: what is wrong with it.
        hint: what may have been intended, starting with a semicolon.
        kind: name of the policy in `multitask.tables.cleaning.Cleaning`.
    """

    place: int
    column: str
    reason: str
    hint: str = ""
    kind: str = UNREADABLE


def blank(
    cells: Series, missing: Sequence[str | int | float], matched: set[str] | None = None
) -> Series:
    """Return a column's cells as objects, None if they are missing.

    Args:
        cells: shape ``[rows]``.
        missing: values that mark a missing cell, besides the empty cell; a number, or a text that
            is one, also matches the same number in another format: -999 matches ``-999.0``.
        matched: collects the values that occur in a cell, as texts.
    """
    found = cells.to_numpy(dtype=object, copy=True)
    texts = {str(each): str(each) for each in missing}
    values = {value: text for text in texts if (value := number_of(text)) is not None}

    def meant(cell: Any) -> str | None:
        if isinstance(cell, list | tuple | dict | np.ndarray):
            return None
        known = texts.get(cell) if isinstance(cell, str) else None
        return known if known is not None or not values else values.get(number_of(cell))  # type: ignore[arg-type]

    entries = [meant(each) for each in found]
    if matched is not None:
        matched.update(each for each in entries if each is not None)
    gone = [
        each is not None or cell == ""
        for each, cell in zip(entries, map(_text, found), strict=True)
    ]
    found[cells.isna().to_numpy() | np.array(gone, dtype=bool)] = None
    return Series(found, dtype=object)


def _text(cell: Any) -> Any:
    return cell if isinstance(cell, str) else None


def class_numbers(column: str, cells: Series, classes: Sequence[str]) -> tuple[Tensor, list[Cell]]:
    """Convert the cells of a column to class indices.

    Args:
        column: name of the column.
        cells: see `blank`; shape ``[rows]``.
        classes: the class names, in order.

    Returns:
        Shape ``[rows]``, int64, -100 if missing or unknown; and the unknown cells.
    """
    if len(cells) and any(_length(each) is not None for each in cells):
        return _hot(column, Series([_listed(each, len(classes)) for each in cells]), classes)
    numbers = {name: number for number, name in enumerate(classes)}
    # Each distinct cell once, because there are few.
    keys = [None if each is None else cell_text(each) for each in cells]
    known = {key: _class_number(key, numbers) for key in dict.fromkeys(keys)}
    found = np.array([known[key] for key in keys], dtype=np.int64).reshape(len(keys))
    unknown = np.flatnonzero((found == MISSING_CLASS) & cells.notna().to_numpy())
    problems = [
        Cell(
            place,
            column,
            f"the class '{keys[place]}' is not listed in classes",
            # Comparing with all classes is slow, and only the first hint is reported.
            _meant(str(keys[place]), classes) if place == unknown[0] else "",
            "unknown_class",
        )
        for place in unknown.tolist()
    ]
    return torch.from_numpy(found), problems


def hot_numbers(columns: Mapping[str, Series], classes: Sequence[str]) -> tuple[Tensor, list[Cell]]:
    """Convert one-hot columns, of which one is 1 in each row, to class indices.

    Args:
        columns: columns by name, see `blank`; each of shape ``[rows]``.
        classes: the name of each column's class.

    Returns:
        As for `class_numbers`: missing if a cell is missing or not exactly one is 1.
    """
    rows = zip(*columns.values(), strict=True)
    return _hot(", ".join(columns), Series([list(each) for each in rows], dtype=object), classes)


def _hot(column: str, rows: Series, classes: Sequence[str]) -> tuple[Tensor, list[Cell]]:
    found = np.full(len(rows), MISSING_CLASS, dtype=np.int64)
    problems = []
    for place, row in enumerate(rows):
        if row is None or all(each is None for each in row):
            continue
        values = [_one(each) for each in row]
        if len(row) == len(classes) and sorted(values) == [0.0] * (len(row) - 1) + [1.0]:
            found[place] = values.index(1.0)
        else:
            said = ", ".join(str(each) for each in row)
            reason = f"({said:.40}) is not one-hot: a single 1 and otherwise 0, one for each class"
            problems.append(Cell(place, column, reason))
    return torch.from_numpy(found), problems


def _one(cell: Any) -> float:
    truths = {"true": 1.0, "false": 0.0}
    value = truths.get(str(cell).strip().lower(), number_of(cell))
    return -1.0 if value is None else value


def _listed(cell: Any, size: int) -> list[Any] | None:
    if cell is None:
        return None
    return list(cell) if _length(cell) is not None else [cell] * (size + 1)


def _meant(cell: str, classes: Sequence[str]) -> str:
    if cell.lower() in TRUTHS_OF_YAML and ("True" in classes or "False" in classes):
        return f"; YAML reads {cell} without quotes as true or false, so write '{cell}' in classes"
    return nearest(cell, classes)


def cell_text(cell: Any) -> str:
    """Convert a cell to the text that is compared with class names.

    Args:
        cell: a cell that is not missing.
    """
    if isinstance(cell, float | np.floating) and float(cell).is_integer():
        # Many programs convert integers beside missing cells to floats.
        return str(int(cell))
    return str(cell)


def _class_number(key: str | None, numbers: Mapping[str, int]) -> int:
    if key is None:
        return MISSING_CLASS
    if key in ("True", "False") and key not in numbers:
        key = key.lower()
    if key not in numbers and (value := number_of(key)) is not None:
        # Some programs write class indices as floats.
        return next((at for name, at in numbers.items() if number_of(name) == value), MISSING_CLASS)
    return numbers.get(key, MISSING_CLASS)


def numbers(columns: Mapping[str, Series]) -> tuple[Tensor, list[Cell]]:
    """Read one column of numbers or lists, or several columns of numbers.

    Args:
        columns: columns by name, see `blank`; each of shape ``[rows]``.

    Returns:
        Shape ``[rows]`` for one column of numbers, otherwise ``[rows, elements]``, NaN if missing;
        float32, or float64 if distinct numbers would become equal in float32; and the cells that
        are not numbers or infinite, which are NaN too.
    """
    if len(columns) == 1:
        ((name, cells),) = columns.items()
        if any(_length(each) is not None for each in cells):
            return _vectors(name, cells)
    found = [_column(name, cells) for name, cells in columns.items()]
    values = torch.stack([each for each, _ in found], 1)
    problems = [each for _, cells in found for each in cells]
    return values.squeeze(1) if len(found) == 1 else values, problems


def _column(name: str, cells: Series) -> tuple[Tensor, list[Cell]]:
    found = [_float_sized(each) if _may_be_number(each) else None for each in cells]
    usable = Series(found, dtype=object)
    values = pd.to_numeric(usable, errors="coerce").to_numpy(dtype=np.float64, copy=True)
    is_given = cells.notna().to_numpy()
    for place in np.flatnonzero(np.isnan(values) & is_given).tolist():
        values[place] = _beyond_range(cells.iloc[place])
    unreadable = np.flatnonzero(np.isnan(values) & is_given)
    problems = [
        Cell(
            place, name, f"the cell {cells.iloc[place]!r} is not a number", _hint(cells.iloc[place])
        )
        for place in unreadable.tolist()
    ]
    # A number that exceeds the range of float32 would become infinite.
    infinite = np.flatnonzero(np.abs(values) > LARGEST)
    problems += _infinite(name, infinite.tolist(), values[infinite].tolist())
    values[infinite] = np.nan
    rounded = values.astype(np.float32)
    return torch.from_numpy(values if _too_fine(values, rounded) else rounded), problems


def _too_fine(values: np.ndarray[Any, Any], rounded: np.ndarray[Any, Any]) -> bool:
    """Return whether float32 would change numbers that lie close together, such as timestamps."""
    known = np.isfinite(values)
    if not known.any():
        return False
    spread = float(np.std(values[known]))
    return spread > 0 and float(np.abs(values - rounded)[known].max()) > FINE * spread


def _hint(cell: Any) -> str:
    if str(cell).lower() in TRUTHS:
        return "; write 1 for true or yes and 0 for false or no, or list classes of the target"
    if isinstance(cell, str) and is_image_name(cell):
        return (
            "; if it is the file name of a map, set how the file encodes it, as in map: "
            "{class_path: multitask.images.maps.ClassMap, init_args: {num_classes: 2}}"
        )
    how = written_how(cell) if isinstance(cell, str) else None
    if how is None:
        return NO_NUMBER
    return (
        f"; it is a number with {how}: write only the number, with a decimal point and "
        "without thousands separators"
    )


def _float_sized(cell: Any) -> Any:
    """Convert integers that pandas cannot: JSON allows any number of digits."""
    if type(cell) is not int or abs(cell) < MOST:
        return cell
    return math.inf if cell > 0 else -math.inf


def _beyond_range(cell: Any) -> float:
    """Read a text such as ``1e999``, which some releases of pandas do not, as infinite."""
    try:
        value = float(cell) if isinstance(cell, str) else math.nan
    except ValueError:
        return math.nan
    return value if math.isinf(value) else math.nan


def _may_be_number(cell: Any) -> bool:
    # pandas would convert true to 1, and a date to nanoseconds.
    return isinstance(cell, str | Real | Decimal) and not isinstance(cell, bool | np.bool_)


def _vectors(name: str, cells: Series) -> tuple[Tensor, list[Cell]]:
    lengths = [_length(each) for each in cells]
    size = next((each for each in lengths if each is not None), 0)
    rows: list[Sequence[Any]] = []
    problems: list[Cell] = []
    for place, (cell, length) in enumerate(zip(cells, lengths, strict=True)):
        fits = length == size
        rows.append(list(cell) if fits else [None] * size)
        if not fits and cell is not None:
            said = f"{cell!r:.40}" if length is None else f"a list of {length}"
            reason = f"the cell is {said}, but the first list of this column has {size} numbers"
            problems.append(Cell(place, name, reason))
    table = DataFrame(rows, columns=range(size), dtype=object)
    found = [_column(str(each), blank(table[each], ())) for each in table]
    values = torch.stack([each for each, _ in found], 1)
    others = [cell for _, cells in found for cell in cells]
    return values, [*problems, *_of_list(name, others)]


def _length(cell: Any) -> int | None:
    is_list = isinstance(cell, list | tuple | np.ndarray) and len(cell) > 0
    return len(cell) if is_list and not any(map(_is_list, cell)) else None


def _is_list(cell: Any) -> bool:
    return isinstance(cell, list | tuple | dict | np.ndarray)


def _of_list(name: str, cells: Sequence[Cell]) -> Iterator[Cell]:
    for each in cells:
        reason = f"{each.reason} (element {int(each.column) + 1} of the list)"
        yield Cell(each.place, name, reason, each.hint, each.kind)


def _infinite(column: str, places: Sequence[int], values: Sequence[float]) -> list[Cell]:
    return [
        Cell(
            place,
            column,
            f"{value:g} is infinite"
            if np.isinf(value)
            else f"{value:g} is too large for a 32-bit number",
            kind="infinite_target",
        )
        for place, value in zip(places, values, strict=True)
    ]
