"""The automatic choice of a table's input and target columns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd

from multitask.errors import InputError, nearest
from multitask.inspection.column_kinds import Column, as_numbers, is_number
from multitask.inspection.left_out_columns import why_left_out
from multitask.inspection.name_hints import says_name, says_target
from multitask.inspection.table_cells import known_cells
from multitask.pages.words import listed
from multitask.remarks.columns import stand_in
from multitask.tables.target_cells import cell_text
from multitask.tokenizers import Bytes, HashedWords, Tokenizer

TEXT, NUMBERS = "text", "numbers"
"""Names that `init` gives to the inputs."""
FEWEST_WORDS, FEWEST_BESIDE_IMAGES = 4.0, 8.0
"""Average number of words from which a text is an input, alone or beside images."""
FEWEST_KNOWN = 0.5
READ_WHOLE = 0.95
"""Fraction of the texts that are not cut off."""
STEP, LONGEST, MOST_BYTES = 16, 256, 512
"""Token places are a multiple of the first number, and for words at most the second."""
HOLDING = ("classes", "numbers", "labels", "image")
"""Kinds of columns that may be targets."""


@dataclass(frozen=True)
class TextInput:
    """Columns of texts, which are concatenated.

    Args:
        columns: the columns, in order.
        tokenizer: their tokenizer.
        tokens: median and maximum number of tokens.
    """

    columns: list[Column]
    tokenizer: Tokenizer
    tokens: tuple[int, int]

    @property
    def is_words(self) -> bool:
        """Whether tokens are words, rather than single letters."""
        return isinstance(self.tokenizer, HashedWords)


@dataclass(frozen=True)
class NumberInput:
    """Columns of numbers and categories.

    Args:
        columns: the columns, in order.
        missing: numbers that stand for missing values.
    """

    columns: list[Column]
    missing: list[float] = field(default_factory=list)

    @property
    def categories(self) -> dict[str, list[str]]:
        """The categories of each column that is not a number."""
        return {each.name: list(each.counts) for each in self.columns if not is_number(each)}

    @property
    def sizes(self) -> list[int]:
        """Number of categories of each column; 1 if it is numeric."""
        return [len(self.categories.get(each.name, ())) or 1 for each in self.columns]


@dataclass(frozen=True)
class Choice:
    """The purpose of each column of a table.

    Args:
        text: the text columns, if they are an input.
        numbers: numeric and categorical columns, if they are an input.
        targets: columns that may be targets.
        is_guess: whether the targets were guessed.
        left_out: unused columns, and the reasons.
    """

    text: TextInput | None
    numbers: NumberInput | None
    targets: list[Column]
    is_guess: bool = False
    left_out: dict[str, str] = field(default_factory=dict)

    @property
    def inputs(self) -> set[str]:
        """The names of the columns that are inputs."""
        given = [each.columns for each in (self.text, self.numbers) if each is not None]
        return {column.name for columns in given for column in columns}


@dataclass(frozen=True)
class Wanted:
    """The user's choice of columns.

    Args:
        targets: names of the target columns; None if not specified.
        inputs: names of the input columns, in addition to images; None if not specified.
    """

    targets: Sequence[str] | None = None
    inputs: Sequence[str] | None = None


def choose(
    path: Path,
    table: pd.DataFrame,
    columns: Sequence[Column],
    wanted: Wanted,
    has_images: bool,
    missing: Sequence[str],
) -> Choice:
    """Choose the inputs and the targets.

    Free text is an input, and columns of classes and numbers are targets. In a table without text
    and images, these columns are inputs, except those with a target's name, or else the last one.

    Args:
        path: path of the table, for messages.
        table: the cells.
        columns: the contents of the columns, without those of images and splits.
        wanted: the user's choice.
        has_images: whether images are an input.
        missing: texts that mark missing cells.

    Raises:
        InputError: if a named column does not exist or is unsuitable.
    """
    _check_names(path, columns, wanted)
    named = set(wanted.targets or ())
    rest = [each for each in columns if each.name not in named]
    is_guess = False
    if wanted.inputs is not None:
        chosen = [each for each in columns if each.name in wanted.inputs]
        numbers = [each for each in chosen if _is_cell(each)]
        texts = [each for each in chosen if not _is_cell(each)]
    else:
        texts = [each for each in rest if _is_free_text(each, has_images)]
        numbers = [] if has_images or texts else [each for each in rest if _is_cell(each)]
        if numbers and wanted.targets is None:
            named = {each.name for each in guessed_targets(numbers)}
            numbers, is_guess = [each for each in numbers if each.name not in named], True
    taken = {each.name for each in [*texts, *numbers]}
    is_restricted = wanted.targets is not None or is_guess
    targets = [
        each
        for each in columns
        if each.name not in taken and (each.name in named or not is_restricted)
    ]
    said = "it is not one of --targets; to learn from it, name it in --inputs"
    others = [each for each in rest if is_restricted and each.name not in {*taken, *named}]
    left_out = {each.name: said if each.kind in HOLDING else why_left_out(each) for each in others}
    return Choice(
        text=_text(table, texts, missing) if texts else None,
        numbers=NumberInput(numbers, _stand_ins(table, numbers, missing)) if numbers else None,
        targets=targets,
        is_guess=is_guess,
        left_out=left_out,
    )


def guessed_targets(columns: Sequence[Column]) -> list[Column]:
    """Return the most likely target columns: by name, or else the last column.

    Args:
        columns: columns of classes and numbers, at least one.
    """
    sure = [each for each in columns if says_target(each.name) == "surely"]
    perhaps = [each for each in columns if says_target(each.name) == "perhaps"]
    return sure or perhaps[-1:] or list(columns[-1:])


def _check_names(path: Path, columns: Sequence[Column], wanted: Wanted) -> None:
    known = {each.name: each for each in columns}
    for option, names in (("targets", wanted.targets), ("inputs", wanted.inputs)):
        for name in names or ():
            if name not in known:
                raise InputError(
                    f"--{option} names '{name}', but {path} has no such column besides its images "
                    f"and splits{nearest(name, known)}"
                )
            kinds = HOLDING if option == "targets" else ("classes", "numbers", "text", "identifier")
            column = known[name]
            if column.kind not in kinds or (option == "inputs" and column.size > 1):
                what = "learnt" if option == "targets" else "an input"
                why = "its cells are lists" if column.size > 1 else why_left_out(column)
                raise InputError(f"--{option} names '{name}', which cannot be {what}: {why}")
    for name in wanted.inputs or ():
        if name in (wanted.targets or ()):
            raise InputError(f"'{name}' is listed in both --inputs and --targets; keep one")


def _is_cell(column: Column) -> bool:
    return column.kind in ("classes", "numbers") and column.size == 1


def _is_free_text(column: Column, has_images: bool) -> bool:
    if column.kind != "text" or not column.words or says_name(column.name):
        return False
    fewest = FEWEST_BESIDE_IMAGES if has_images else FEWEST_WORDS
    is_long = column.words >= fewest or not column.is_spaced
    return is_long and column.known >= FEWEST_KNOWN * column.rows


def _text(table: pd.DataFrame, columns: list[Column], missing: Sequence[str]) -> TextInput:
    is_spaced = all(each.is_spaced for each in columns)
    tokenizer: Tokenizer = HashedWords() if is_spaced else Bytes()
    counts = np.zeros(len(table), dtype=int)
    for each in columns:
        cells = known_cells(table[each.name], missing)
        own = [len(tokenizer.tokens_of(cell_text(cell))) for cell in cells]
        counts += pd.Series(own, index=cells.index).reindex(table.index, fill_value=0).to_numpy()
    known = counts[counts > 0]
    # The start token and separators between texts count too.
    need = int(np.quantile(known, READ_WHOLE)) + len(columns)
    most = LONGEST if is_spaced else MOST_BYTES
    length = min(most, -(-need // STEP) * STEP)
    made = HashedWords(length) if is_spaced else Bytes(length)
    return TextInput(columns, made, (int(np.median(known)), int(known.max())))


def _stand_ins(
    table: pd.DataFrame, columns: Sequence[Column], missing: Sequence[str]
) -> list[float]:
    """Return numbers that stand for missing values, and are not measurements in another column."""
    found: set[float] = set()
    limits: list[tuple[float, float]] = []
    for column in filter(is_number, columns):
        cells = known_cells(table[column.name], missing)
        if (told := stand_in(cells)) is not None:
            value, _, low, high = told
            found.add(value)
            limits.append((low, high))
        elif (own := as_numbers(column).limits) is not None:
            limits.append(own)
    return sorted(each for each in found if not any(a <= each <= b for a, b in limits))


def told_choice(image: str | None, choice: Choice, tasks: Sequence[str]) -> list[str]:
    """Describe the choices, in lines for the screen.

    Args:
        image: the column of images.
        choice: the purpose of the other columns.
        tasks: names of the tasks.
    """
    inputs = [] if image is None else [f"image (column {image or 'without a name'})"]
    for name, each in ((TEXT, choice.text), (NUMBERS, choice.numbers)):
        if each is not None:
            names = [column.name for column in each.columns]
            what = "column" if len(names) == 1 else "columns"
            inputs.append(f"{name} ({what} {listed(names, most=6)})")
    lines = [f"Inputs: {listed(inputs)}. Targets: {listed(tasks, most=6)}."]
    if choice.is_guess:
        lines.append(
            "The target columns were guessed from their names and positions; choose them with "
            "--targets=NAME,NAME"
        )
    if image is None:
        lines.append("No column names image files; if one does, give --image_column=NAME")
    return lines
