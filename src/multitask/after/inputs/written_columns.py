"""Numbers and categories, such as those of a table's columns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from numbers import Real
from typing import Any

import torch
from torch import Tensor
from typing_extensions import override

from multitask.after.inputs.base import Cells, Made, WrittenInput
from multitask.errors import InputError
from multitask.labels import MISSING_CLASS
from multitask.pages.words import listed
from multitask.tables.target_cells import Cell, cell_text, class_numbers, numbers


class WrittenColumns(WrittenInput):
    """Numbers as they are, categories as their numbers, NaN where missing.

    Args:
        name: see `WrittenInput`.
        columns: in the order of the input's.
        categories: by column, in the order of their numbers; other columns are numbers.
        blanks: see `WrittenInput`.
    """

    kind = "columns"

    def __init__(
        self,
        name: str,
        columns: Sequence[str],
        categories: Mapping[str, Sequence[Any]],
        blanks: Sequence[str] = (),
    ) -> None:
        super().__init__(name, columns, blanks)
        self.categories = {key: list(map(cell_text, each)) for key, each in categories.items()}

    @override
    def made(self, cells: Cells) -> Made:
        found = [self._column(cells, each) for each in self.columns]
        values = torch.stack([each for each, _ in found], 1)
        problems: dict[int, str] = {}
        for _, wrong in found:
            for each in wrong:
                problems.setdefault(each.place, f"column '{each.column}': {each.reason}")
        return Made(values, values.isnan().all(1), problems)

    def _column(self, cells: Cells, column: str) -> tuple[Tensor, list[Cell]]:
        filled = self._filled(cells, column)
        classes = self.categories.get(column)
        if classes is None:
            values, problems = numbers({column: filled})
            if values.ndim > 1:
                first = next(at for at, each in enumerate(filled) if isinstance(each, list | tuple))
                reason = f"the cell {filled[first]!r:.40} is not a number"
                return torch.full((len(filled),), torch.nan), [Cell(first, column, reason)]
            return values.float(), problems
        places, problems = class_numbers(column, filled, classes)
        known = [
            Cell(each.place, column, f"'{filled[each.place]!s:.40}' is not one of the categories")
            for each in problems
        ]
        return torch.where(places == MISSING_CLASS, torch.nan, places.float()), known

    @override
    def missing(self, samples: int) -> Tensor:
        return torch.full((samples, len(self.columns)), torch.nan)

    @override
    def examples(self) -> Tensor:
        last = [float(len(self.categories.get(each, ())) - 1) for each in self.columns]
        return torch.tensor([[0.0] * len(self.columns), [max(each, 0.0) for each in last]])

    @override
    def cells_of(self, value: Any) -> dict[str, Any]:
        if value is None:
            return dict.fromkeys(self.columns)
        if isinstance(value, Mapping):
            found = self._by_column(value)
        elif isinstance(value, list | tuple) and len(value) == len(self.columns):
            found = dict(zip(self.columns, value, strict=True))
        elif len(self.columns) == 1 and not isinstance(value, list | tuple):
            found = {self.columns[0]: value}
        else:
            raise InputError(
                f"{self.name} is made of {listed(self.columns, 8)}; give a number or a category of "
                "each by its name"
            )
        for name, each in found.items():
            if not isinstance(each, str | Real | None):
                raise InputError(
                    f"{self.name}, '{name}', is {each!r:.60}, which is not a number or a text"
                )
        return found
