"""The columns of an input that is not an image, and their settings."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any

from multitask.errors import InputError, nearest
from multitask.tokenizers import HashedWords, Tokenizer

TEXT_ONLY, COLUMNS_ONLY = ("tokenizer",), ("categories",)


@dataclass(frozen=True)
class InputColumns:
    """The columns that contain a text, or numbers and categories.

    Args:
        column: a column of texts; or several columns, whose texts are concatenated, such as a
            question and its answer.
        columns: columns of numbers and categories, instead of a text.
        tokenizer: the tokenizer of a text; default: `multitask.tokenizers.HashedWords`.
        categories: for each categorical column, its categories in the order of their indices; all
            other ``columns`` are numeric.
        missing: cells that mark a missing input, in addition to the data's ``missing``.
    """

    column: str | list[str] | None = None
    columns: list[str] | None = None
    tokenizer: Tokenizer | None = None
    categories: dict[str, list[str | int | bool]] = field(default_factory=dict)
    missing: list[str | int | float] = field(default_factory=list)

    @property
    def is_text(self) -> bool:
        """Whether it is a text rather than numbers and categories."""
        return self.column is not None

    @property
    def names(self) -> list[str]:
        """The columns as a list."""
        if self.column is None:
            return list(self.columns or ())
        return [self.column] if isinstance(self.column, str) else list(self.column)

    @property
    def sizes(self) -> list[int]:
        """Number of categories of each of ``columns``; 1 if it is numeric."""
        return [len(self.categories.get(name, ())) or 1 for name in self.columns or ()]

    def category_names(self, column: str) -> list[str]:
        """Return the categories of a column as texts; empty if it is numeric."""
        return [str(each) for each in self.categories.get(column, ())]


def input_columns(name: str, given: Any, missing: Sequence[str | int | float]) -> InputColumns:
    """Convert and check the description of an input given in Python.

    Args:
        name: name of the input.
        given: a dictionary of the settings of `InputColumns`, or one of them.
        missing: values that mark a missing cell in all inputs and targets.

    Raises:
        InputError: naming the input and the setting.
    """
    if not name.strip():
        raise InputError("inputs: an input has no name; give it one, such as text")
    where = f"inputs, '{name}'"
    if name in ("image", "index") or name.startswith("@"):
        raise InputError(
            f"{where}: this name is reserved; choose another name, such as text"
            + ("; images are named by image_column" if name == "image" else "")
        )
    if not isinstance(given, InputColumns):
        known = [each.name for each in fields(InputColumns)]
        if not isinstance(given, Mapping):
            raise InputError(
                f"{where}: {given!r:.60} is not an input; give {{'column': 'review'}} for "
                "a text, or {'columns': ['age', 'weight']} for numbers"
            )
        if unknown := [str(each) for each in given if each not in known]:
            raise InputError(
                f"{where}: there is no setting '{unknown[0]}'{nearest(unknown[0], known)}; "
                f"its settings are {', '.join(known)}"
            )
        given = InputColumns(**given)
    _check_types(where, given)
    if (given.column is None) == (given.columns is None):
        raise InputError(
            f"{where}: give either column, for a text, or columns, for numbers and categories"
        )
    which = "column" if given.is_text else "columns"
    if not given.names:
        raise InputError(f"{where}: {which} is empty; name at least one column")
    if twice := [each for each, count in Counter(given.names).items() if count > 1]:
        raise InputError(f"{where}: {which} names '{twice[0]}' more than once; name it once")
    if given.is_text:
        _check_text(where, given)
        return InputColumns(
            given.column, tokenizer=given.tokenizer or HashedWords(), missing=given.missing
        )
    _check_columns(where, given, [str(each) for each in (*missing, *given.missing)])
    return given


def _check_types(where: str, given: InputColumns) -> None:
    """Refuse types that Python accepts as a list, such as a text, but the command line does not."""
    for setting, takes in (("column", str | list | tuple), ("columns", list | tuple)):
        value = getattr(given, setting)
        names = [value] if isinstance(value, str) else value
        if not isinstance(value, takes | None) or not all(isinstance(e, str) for e in names or ()):
            raise InputError(f"{where}: {setting} is {value!r:.60}; give a list of column names")
    kinds = given.categories
    is_by_column = isinstance(kinds, Mapping) and all(isinstance(e, str) for e in kinds)
    if not is_by_column or not all(isinstance(each, list | tuple) for each in kinds.values()):
        raise InputError(
            f"{where}: categories is {kinds!r:.60}; give a list for each column, such as "
            "{'sex': ['f', 'm']}"
        )
    if not isinstance(given.missing, list | tuple):
        raise InputError(f"{where}: missing is {given.missing!r:.60}; give a list, such as ['?']")


def _check_text(where: str, given: InputColumns) -> None:
    if given.categories:
        raise InputError(
            f"{where}: categories are for columns of categories, but column is a text; give "
            "columns instead of column, or remove categories"
        )
    if given.tokenizer is not None and not isinstance(given.tokenizer, Tokenizer):
        raise InputError(
            f"{where}: tokenizer is {given.tokenizer!r:.60}; give a "
            "multitask.tokenizers.Tokenizer, such as HashedWords(64)"
        )


def _check_columns(where: str, given: InputColumns, missing: Sequence[str]) -> None:
    if given.tokenizer is not None:
        raise InputError(
            f"{where}: a tokenizer is for a text, but columns are numbers and categories; give "
            "column instead of columns, or remove tokenizer"
        )
    names = set(given.names)
    for column in given.categories:
        if column not in names:
            raise InputError(
                f"{where}: categories contains '{column}', which is not listed in columns"
                f"{nearest(column, names)}"
            )
        kinds = given.category_names(column)
        if len(kinds) < 2:
            raise InputError(
                f"{where}: '{column}' has {len(kinds)} categories; list at least 2, or remove the "
                "column"
            )
        if again := [each for each, count in Counter(kinds).items() if count > 1]:
            raise InputError(f"{where}: the categories of '{column}' list '{again[0]}' twice")
        if not all(each.strip() for each in kinds):
            raise InputError(
                f"{where}: one of the categories of '{column}' is empty, but an empty cell means "
                "missing; remove it"
            )
        if taken := [each for each in kinds if each in missing]:
            raise InputError(
                f"{where}: '{taken[0]}' is listed in both the categories of '{column}' and "
                "missing; keep one"
            )
