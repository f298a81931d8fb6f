"""Conversion of the cells of inputs to texts, numbers and categories."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from pandas import Series
from torch import Tensor

from multitask.errors import nearest
from multitask.missing_labels import MISSING_CLASS
from multitask.tables.input_columns import InputColumns
from multitask.tables.target_cells import Cell, cell_text, class_numbers, numbers
from multitask.tokenizers import Written

UNREADABLE, UNKNOWN = "unreadable_input", "unknown_category"


def written_texts(columns: InputColumns, cells: Mapping[str, Series]) -> list[Written]:
    """Return the texts of each row.

    Args:
        columns: columns of the input.
        cells: by column, see `multitask.tables.target_cells.blank`; each of shape ``[rows]``.

    Returns:
        For each row a text (a list of words becomes one text, joined by blanks); for several
        columns a list of texts, with an empty text for a missing one; None if all are missing.
    """
    rows = zip(*(cells[name] for name in columns.names), strict=True)
    found = [[None if each is None else _text(each) for each in row] for row in rows]
    if isinstance(columns.column, str):
        return [row[0] for row in found]
    return [[each or "" for each in row] if any(row) else None for row in found]


def _text(cell: Any) -> str:
    if isinstance(cell, list | tuple | np.ndarray):
        return " ".join(map(cell_text, cell))
    return cell_text(cell)


def shown_text(text: Written) -> str:
    """Return a text for display: several texts side by side, empty if it is missing."""
    if text is None or isinstance(text, str):
        return text or ""
    return " | ".join(text)


def column_values(
    columns: InputColumns, cells: Mapping[str, Series]
) -> tuple[Tensor, list[Cell], list[str]]:
    """Read columns of numbers and categories.

    Args:
        columns: columns of the input.
        cells: by column, see `multitask.tables.target_cells.blank`; each of shape ``[rows]``.

    Returns:
        Numbers, and the indices of categories, NaN if missing, float32, shape ``[rows, columns]``;
        the cells that cannot be used; and the columns whose distinct numbers become equal in
        float32.
    """
    found: list[Tensor] = []
    problems: list[Cell] = []
    too_fine: list[str] = []
    for name in columns.names:
        if kinds := columns.category_names(name):
            places, cells_of = class_numbers(name, cells[name], kinds)
            values = places.float().masked_fill(places == MISSING_CLASS, torch.nan)
            problems += [_category(each, cells[name], kinds) for each in cells_of]
        else:
            values, cells_of = numbers({name: Series([*map(_scalar, cells[name])], dtype=object)})
            too_fine += [name] if values.dtype == torch.float64 else []
            problems += [_number(each, name) for each in cells_of]
        found.append(values.float())
    return torch.stack(found, 1), problems, too_fine


def _scalar(cell: Any) -> Any:
    # A list would be a vector, and true would become 1.
    if isinstance(cell, bool | np.bool_):
        return int(cell)
    return str(cell) if isinstance(cell, list | tuple | dict | np.ndarray) else cell


def _category(cell: Cell, cells: Series, kinds: list[str]) -> Cell:
    text = cell_text(cells.iloc[cell.place])
    hint = nearest(text, kinds) if cell.hint else ""
    reason = f"'{text:.40}' is not one of its categories"
    return replace(cell, reason=reason, hint=hint, kind=UNKNOWN)


def _number(cell: Cell, column: str) -> Cell:
    hint = (
        "; if it means missing, list it in data.init_args.missing, and if it is a category, list "
        f"those of '{column}' in the input's categories"
    )
    return replace(cell, hint=hint, kind=UNREADABLE)
