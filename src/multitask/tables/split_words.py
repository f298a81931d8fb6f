"""Words for the split of a row."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

WORDS = {
    "train": "train",
    "training": "train",
    "trn": "train",
    "tr": "train",
    "val": "val",
    "validation": "val",
    "validate": "val",
    "valid": "val",
    "va": "val",
    "dev": "val",
    "test": "test",
    "testing": "test",
    "tst": "test",
    "te": "test",
    **dict.fromkeys(("entrenamiento", "treino", "treinamento", "entraînement"), "train"),
    **dict.fromkeys(("entrainement", "apprentissage", "addestramento"), "train"),
    **dict.fromkeys(("validación", "validacion", "validação", "validazione"), "val"),
    **dict.fromkeys(("validierung",), "val"),
    **dict.fromkeys(("prueba", "teste"), "test"),
}
FILLING = {"set", "split", "data", "dataset", "subset", "partition", "fold", "images", "samples"}
NAMES = {"split", "splits", "set", "subset", "partition", "fold", "phase", "usage"}
"""Words in the names of columns that specify the split of a row."""
UNCLEAR = {
    "eval", "evaluation", "fit", "gallery", "holdout", "query", "unlabeled", "unlabelled",
}  # fmt: skip
"""Words that suggest a split, but do not specify which one."""
YES, NO = {"1", "true", "yes", "y", "t"}, {"0", "false", "no", "n", "f"}
ALSO_IN_FLAGS = {"is", "in", "for", "image", "img", "flag"}


def split_of(cell: Any, words: Mapping[str, str] | None = None) -> str | None:
    """Return the split that a cell names: ``" Train"``, ``TRAIN`` and ``training set`` are equal.

    Args:
        cell: text, or anything else.
        words: meanings of cells as specified by the user; they override the built-in words.

    Returns:
        ``train``, ``val`` or ``test``, or a value of ``words``; None if it is not such a word.
    """
    text = plain(cell)
    given = {plain(word): split for word, split in (words or {}).items()}
    if text in given:
        return given[text]
    # train2017, 1_train and Train (80 %) mean train, but tr1 is ambiguous.
    left = [each for word in re.findall(r"[^\W\d_]+", text) if (each := _bare(word))]
    if len(left) != 1 or (len(left[0]) < 3 and re.search(r"\d", text)):
        return None
    return WORDS.get(left[0])


def part_of(cell: str) -> str | None:
    """Return the split that a cell seems to be part of, such as ``train_clean`` or ``dev-other``.

    Args:
        cell: text.

    Returns:
        None if it contains no word for a split, or words for two splits.
    """
    words = (_bare(word) for word in re.findall(r"[^\W\d_]+", plain(cell)))
    found = {WORDS[each] for each in words if len(each) > 2 and each in WORDS}
    return found.pop() if len(found) == 1 else None


def split_of_row(cell: Any, words: Mapping[str, str] | None = None) -> str | None:
    """Return the split that a table's cell names: see `split_of`, or ``meta``.

    Only for cells, because folders and files named ``meta`` have other contents.

    Args:
        cell: text, or anything else.
        words: see `split_of`.
    """
    return split_of(cell, words) or ("meta" if plain(cell) == "meta" else None)


def _bare(word: str) -> str:
    """Remove common additions from a word, as in ``trainset``; empty if nothing else is left."""
    if word in FILLING:
        return ""
    ends = (word.removesuffix(each) for each in FILLING if word.endswith(each))
    return next((each for each in ends if each in WORDS), word)


def plain(cell: Any) -> str:
    """Convert a cell to lower-case text, without outer blanks or the decimals of an integer."""
    return re.sub(r"(?<=\d)\.0+$", "", str(cell).strip().casefold())


def flag_words(name: str, cells: set[str]) -> dict[str, str] | None:
    """Map the cells of a column such as ``is_train`` to the split of its name, or to the other one.

    Args:
        name: name of the column.
        cells: its distinct cells, see `plain`.

    Returns:
        None if it is not such a column because its cells are not yes and no.
    """
    spaced = re.sub(r"([a-z0-9])([A-Z])", r"\1 \2", name).lower()
    left = [each for each in re.findall(r"[^\W_]+", spaced) if each not in FILLING | ALSO_IN_FLAGS]
    split = WORDS.get(left[0]) if len(left) == 1 else None
    if split in (None, "val") or len(cells) != 2 or not (cells & YES and cells & NO):
        return None
    other = "train" if split == "test" else "test"
    return {cell: str(split) if cell in YES else other for cell in sorted(cells)}
