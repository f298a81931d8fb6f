"""What makes an input of what people write."""

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
    """An input of a trained model that is made of texts, numbers or categories.

    Args:
        name: of the input.
        given: its columns, as in training, with all that means missing.
    """

    def __init__(self, name: str, given: InputColumns) -> None:
        self.name, self.given = name, given

    @property
    def columns(self) -> list[str]:
        """Names of what it is made of, such as a table's columns."""
        return self.given.names

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

    @abstractmethod
    def example(self) -> Any:
        """A value that `cells_of` takes, to show what one looks like."""

    def _by_column(self, value: Mapping[Any, Any]) -> dict[str, Any]:
        for name in value:
            if name not in self.columns:
                hint = nearest(str(name), self.columns)
                raise InputError(f"{self.name} is not made of '{name}'{hint}")
        return {name: value.get(name) for name in self.columns}

    def _filled(self, cells: Cells) -> dict[str, Series]:
        columns = {name: Series(list(cells[name]), dtype=object) for name in self.columns}
        return {name: blank(each, self.given.missing) for name, each in columns.items()}
