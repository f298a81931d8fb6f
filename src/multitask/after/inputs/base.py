"""Conversion of what users write to an input of a model."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pandas import Series
from torch import Tensor

from multitask.errors import InputError, nearest
from multitask.tables.input_columns import InputColumns
from multitask.tables.target_cells import blank

Cells = Mapping[str, Sequence[Any]]
"""By column, a cell for each sample."""


@dataclass(frozen=True)
class Made:
    """An input of several samples.

    Args:
        values: values, first axis ``[samples]``.
        missing: whether each sample lacks the input, shape ``[samples]``, bool.
        problems: by sample, the reason why it cannot be used.
        cut: number of texts that were longer than the model accepts and were truncated.
    """

    values: Tensor
    missing: Tensor
    problems: dict[int, str]
    cut: int = 0


class WrittenInput(ABC):
    """An input of a trained model made from texts, numbers or categories.

    Args:
        name: name of the input.
        given: its columns, as in training, with all markers of missing values.
    """

    def __init__(self, name: str, given: InputColumns) -> None:
        self.name, self.given = name, given

    @property
    def columns(self) -> list[str]:
        """Names of its sources, such as a table's columns."""
        return self.given.names

    @abstractmethod
    def made(self, cells: Cells) -> Made:
        """Make the input of several samples.

        Args:
            cells: at least `columns`.
        """

    @abstractmethod
    def missing(self, samples: int) -> Tensor:
        """The input for samples that lack it; first axis ``[samples]``."""

    @abstractmethod
    def examples(self) -> Tensor:
        """Two samples that are as different as possible, to test a model with."""

    @abstractmethod
    def cells_of(self, value: Any) -> dict[str, Any]:
        """Convert a value of one sample to cells.

        Args:
            value: the value that a user or a program gives; None if it is missing.

        Returns:
            Cells by column.

        Raises:
            InputError: if the input cannot be made from such a value.
        """

    @abstractmethod
    def example(self) -> Any:
        """An example of a value that `cells_of` accepts."""

    def _by_column(self, value: Mapping[Any, Any]) -> dict[str, Any]:
        for name in value:
            if name not in self.columns:
                hint = nearest(str(name), self.columns)
                raise InputError(f"{self.name} is not made of '{name}'{hint}")
        return {name: value.get(name) for name in self.columns}

    def _filled(self, cells: Cells) -> dict[str, Series]:
        columns = {name: Series(list(cells[name]), dtype=object) for name in self.columns}
        return {name: blank(each, self.given.missing) for name, each in columns.items()}
