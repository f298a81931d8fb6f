"""What makes an input of what people write."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pandas import Series
from torch import Tensor

from multitask.errors import InputError, nearest
from multitask.tables.target_cells import blank

Cells = Mapping[str, Sequence[Any]]
"""By column, a cell for each sample."""


@dataclass(frozen=True)
class Made:
    """An input of several samples.

    Args:
        values: first axis ``[samples]``.
        missing: which samples have nothing in it, shape ``[samples]``, bool.
        problems: by sample, why it cannot be used.
        cut: how many texts were longer than the model takes.
    """

    values: Tensor
    missing: Tensor
    problems: dict[int, str]
    cut: int = 0


class WrittenInput(ABC):
    """An input of a trained model that is made of texts, numbers or classes.

    Args:
        name: of the input.
        columns: names of what it is made of, such as a table's columns.
        blanks: texts that mean that a cell is missing, beside the empty one.
    """

    kind: str
    """As in `multitask.training.description.described_inputs`."""

    def __init__(self, name: str, columns: Sequence[str], blanks: Sequence[str] = ()) -> None:
        self.name, self.columns, self.blanks = name, list(columns), list(blanks)

    @abstractmethod
    def made(self, cells: Cells) -> Made:
        """Make the input of several samples.

        Args:
            cells: at least `columns`.
        """

    @abstractmethod
    def missing(self, samples: int) -> Tensor:
        """What stands for the input of samples that do not have it; first axis ``[samples]``."""

    @abstractmethod
    def examples(self) -> Tensor:
        """Two samples as different as they may be, by which to try a model."""

    @abstractmethod
    def cells_of(self, value: Any) -> dict[str, Any]:
        """The cells of one sample.

        Args:
            value: what a person or a program gives for it; None if it is missing.

        Returns:
            By column.

        Raises:
            InputError: if the input is not made of such a value.
        """

    def shown(self, cells: Cells, sample: int) -> str:
        """What people see of a sample, in one line."""
        found = [(name, cells[name][sample]) for name in self.columns]
        return ", ".join(f"{name} {'missing' if _is_gone(each) else each}" for name, each in found)

    def _by_column(self, value: Mapping[Any, Any]) -> dict[str, Any]:
        for name in value:
            if name not in self.columns:
                hint = nearest(str(name), self.columns)
                raise InputError(f"{self.name} is not made of '{name}'{hint}")
        return {name: value.get(name) for name in self.columns}

    def _filled(self, cells: Cells, column: str) -> Series:
        return blank(Series(list(cells[column]), dtype=object), self.blanks)


def _is_gone(cell: Any) -> bool:
    return cell is None or cell != cell or cell == ""
