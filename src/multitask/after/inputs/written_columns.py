"""Numbers and categories, such as those of a table's columns."""

from __future__ import annotations

from collections.abc import Mapping
from numbers import Real
from typing import Any

import torch
from torch import Tensor
from typing_extensions import override

from multitask.after.inputs.base import Cells, Made, WrittenInput
from multitask.errors import InputError
from multitask.pages.words import listed
from multitask.tables.input_cells import column_values


class WrittenColumns(WrittenInput):
    """Numbers unchanged, categories as their indices, NaN if missing."""

    @override
    def made(self, cells: Cells) -> Made:
        values, wrong, _ = column_values(self.given, self._filled(cells))
        problems: dict[int, str] = {}
        for each in wrong:
            problems.setdefault(each.place, f"column '{each.column}': {each.reason}")
        return Made(values, values.isnan().all(1), problems)

    @override
    def missing(self, samples: int) -> Tensor:
        return torch.full((samples, len(self.columns)), torch.nan)

    @override
    def examples(self) -> Tensor:
        last = torch.tensor(self.given.sizes, dtype=torch.float32) - 1
        return torch.stack([torch.zeros_like(last), last])

    @override
    def cells_of(self, value: Any) -> dict[str, Any]:
        if value is None:
            return dict.fromkeys(self.columns)
        is_list = isinstance(value, list | tuple)
        if isinstance(value, Mapping):
            found = self._by_column(value)
        elif is_list and len(value) == len(self.columns):
            found = dict(zip(self.columns, value, strict=True))
        elif len(self.columns) == 1 and not is_list:
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

    @override
    def example(self) -> dict[str, Any]:
        kinds = {name: self.given.category_names(name) for name in self.columns}
        return {name: each[0] if each else 0 for name, each in kinds.items()}
