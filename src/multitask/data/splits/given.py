"""The split that a table defines in a column, in various spellings."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import NoReturn

import numpy as np
from pandas import DataFrame, Series

from multitask.data.split_check import META, SPLITS
from multitask.data.splits.by_column import ByColumn
from multitask.errors import InputError
from multitask.tables.split_words import NAMES, UNCLEAR, flag_words, part_of, plain, split_of_row

SAYS_ALONE = {"split", "splits", "subset", "partition", "fold", "folds"}
"""Column names that mean splits, regardless of the cells."""
SAYS_MOST = {"split", "splits", "partition"}
"""Those of them that mean splits even if the cells are unknown words."""
MOST_WORDS = 12
"""More distinct cells than there are words for splits."""


@dataclass(frozen=True)
class GivenSplit:
    """A column that specifies the split of each row.

    Args:
        column: name of the column.
        lacking: splits that have no row in it.
        words: meanings of its cells, if they are not words for splits.
    """

    column: str
    lacking: list[str]
    words: dict[str, str] = field(default_factory=dict)

    def split(self, **shares: float) -> ByColumn:
        """Return the split that uses this column.

        Args:
            shares: fractions of the training rows for the splits that the column lacks.
        """
        return ByColumn(self.column, self.words, **shares)


def given_split(table: DataFrame, taken: Collection[str] = ()) -> GivenSplit | None:
    """Find the column of a table that specifies the split of each row.

    Args:
        table: the cells, as text or with types.
        taken: columns that have another purpose, such as targets.

    Raises:
        InputError: if a column seems to be one, but a cell is empty or not a word for a split, or
            if there are two such columns.
    """
    columns = [str(each) for each in table.columns if each not in taken]
    found = [each for name in columns if (each := _given(name, table[name])) is not None]
    if exact := [each for each in found if each.column == "split"]:
        found = exact
    if len(found) > 1:
        first, second = found[0].column, found[1].column
        if not (found[0].words and found[1].words):
            raise InputError(
                f"the columns '{first}' and '{second}' both seem to contain the split of each row; "
                "choose one with data.init_args.split=multitask.data.splits.ByColumn and "
                f"data.init_args.split.init_args.column={first}, or remove one"
            )
    return found[0] if found else None


def _given(name: str, cells: Series) -> GivenSplit | None:
    known = cells.dropna()
    if len(known) == 0 or not isinstance(known.iloc[0], str | bool | int | float | np.generic):
        return None
    different = {plain(each) for each in known.astype(str).unique()} - {""}
    if not different or len(different) > MOST_WORDS:
        return None
    splits = {each: split_of_row(each) for each in different}
    named = set(splits.values()) - {None, META}
    if not named and (words := flag_words(name, different)) is not None and _is_full(cells):
        as_written = {str(each).strip(): words[plain(each)] for each in known.unique()}
        lacking = [each for each in SPLITS if each not in words.values()]
        return GivenSplit(name, lacking, as_written)
    if None in splits.values():
        _refuse_parts(name, different)
    if not named:
        _refuse_other_words(name, different)
    says_so = bool(NAMES & set(re.findall(r"[^\W_\d]+", _spaced(name))))
    unknown = sorted(each for each, split in splits.items() if split is None)
    seems = "train" in named and (len(named) > 1 or says_so)
    is_unclear = bool(named and unknown) and set(unknown) <= UNCLEAR
    if not is_unclear and (not seems or (unknown and not says_so)):
        return None
    if unknown:
        raise InputError(
            f"the column '{name}' seems to contain the split of each row, but '{unknown[0]}' is "
            "not one of train, val, test; write one of these, or set what it means with "
            "data.init_args.split=multitask.data.splits.ByColumn and its words"
        )
    if not _is_full(cells):
        raise InputError(
            f"the column '{name}' seems to contain the split of each row, but some of its "
            "cells are empty; fill them, remove these rows, or choose another split "
            "(data.init_args.split)"
        )
    return GivenSplit(name, [each for each in SPLITS if each not in named])


def _refuse_parts(name: str, cells: Collection[str]) -> None:
    """Ask about cells such as ``train_clean`` and ``test_other``, which may be ignored on purpose.

    File paths may begin in the same way.
    """
    parts = {each: part_of(each) for each in sorted(cells) if not re.search(r"[./\\]", each)}
    named = {*parts.values()}
    if len(parts) == len(cells) and "train" in named and len(named) > 1 and None not in named:
        _ask(name, "parts of train, val, test", parts)


def _refuse_other_words(name: str, cells: Collection[str]) -> None:
    """Ask what the cells of a column named ``split`` mean, rather than use or ignore them."""
    are_numbers = all(each.isdecimal() for each in cells)
    if plain(name) in (SAYS_ALONE if are_numbers else SAYS_MOST):
        what = "numbers" if are_numbers else "none of train, val, test"
        _ask(name, what, dict(zip(sorted(cells, key=_as_counted), SPLITS, strict=False)))


def _ask(name: str, what: str, words: Mapping[str, str | None]) -> NoReturn:
    example = ", ".join(f"{cell}: {split}" for cell, split in words.items())
    raise InputError(
        f"the column '{name}' seems to contain the split of each row, but its cells are {what}"
        "; set what each means with data.init_args.split=multitask.data.splits.ByColumn, "
        f"data.init_args.split.init_args.column={name} and its words, as in {{{example}}}; or "
        "write train, val and test in the column, or give it another name"
    )


def _as_counted(cell: str) -> tuple[int, str]:
    return (int(cell) if cell.isdecimal() else 0, cell)


def _is_full(cells: Series) -> bool:
    return bool(cells.notna().all()) and not any(str(each).strip() == "" for each in cells)


def _spaced(name: str) -> str:
    return re.sub(r"([a-z0-9])([A-Z])", r"\1 \2", name).lower()
