"""The base class of all tokenizers."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from multitask.checkpoints.recipe import Recorded
from multitask.errors import InputError
from multitask.tokenizers.text_batch import END

Written = str | Sequence[str] | None
"""A text, several consecutive texts such as a question and its answer, or None."""


LONGEST = 2**20
"""Most tokens per text; each text of a data set uses as much memory as the longest one may."""
MOST_TOKENS = 2**31
"""Most distinct tokens, whose numbers are 32-bit integers in a batch."""


class Piece(NamedTuple):
    """A token and the characters that it stands for.

    Attributes:
        number: the token's number; 0 or more and below ``vocabulary``.
        start: index of its first character in the text; -1 if it stands for no characters, such as
            the start token.
        end: index after its last character.
        part: index of the text that contains it, from 0.
    """

    number: int
    start: int = -1
    end: int = -1
    part: int = 0


class Tokenized(NamedTuple):
    """Tokenized texts.

    Attributes:
        tokens: int32, shape ``[texts, length]``, -1 after the end of each text.
        is_cut: which texts were longer than ``length``, shape ``[texts]``, bool.
        is_empty: which texts have no token of their own, shape ``[texts]``, bool.
    """

    tokens: Tensor
    is_cut: Tensor
    is_empty: Tensor


class Tokenizer(Recorded, ABC):
    """Splits texts into tokens, identically in every process and every run.

    Place 0 of every text holds the start token, so that no text is empty. A text without other
    tokens, such as a missing one, consists of that token alone.

    Args:
        length: most tokens per text, including the start token; the rest is cut off.
    """

    beginning: int | None = 0
    """Number of the start token, in front of each text."""
    separator: int | None = 1
    """Number of the separator token, between two texts."""
    mask: int | None = 2
    """Number of the mask token; None if there is no such token."""
    specials: int = 3
    """Numbers below this one are special tokens, which stand for no characters."""

    def __init__(self, length: int) -> None:
        if not 2 <= length <= LONGEST:
            raise InputError(
                f"{type(self).__name__}: length is {length}; give at least 2, at most {LONGEST:,}"
            )
        self.length = length

    @property
    @abstractmethod
    def vocabulary(self) -> int:
        """Number of distinct tokens; all token numbers are below it."""

    @abstractmethod
    def tokens_of(self, text: str) -> Sequence[tuple[int, int, int]]:
        """Find the tokens of one text of any length.

        Args:
            text: not empty.

        Returns:
            For each token its number, the index of its first character, and the index after its
            last.
        """

    def pieces(self, text: Written) -> list[Piece]:
        """Return the tokens of a text as a model receives them, cut to ``length``.

        Args:
            text: one text, several, or None.
        """
        return self._all_pieces(text)[: self.length]

    def __call__(self, texts: Sequence[Written]) -> Tokenized:
        """Tokenize texts.

        Args:
            texts: each one text, several that belong together, or None if missing.
        """
        found = torch.full((len(texts), self.length), END, dtype=torch.int32)
        is_cut = torch.zeros(len(texts), dtype=torch.bool)
        is_empty = torch.zeros(len(texts), dtype=torch.bool)
        for place, text in enumerate(texts):
            pieces = self._all_pieces(text)
            is_cut[place] = len(pieces) > self.length
            is_empty[place] = not any(each.start >= 0 for each in pieces)
            numbers = [each.number for each in pieces[: self.length]]
            found[place, : len(numbers)] = torch.tensor(numbers, dtype=torch.int32)
        return Tokenized(found, is_cut, is_empty)

    def is_special(self, tokens: Tensor) -> Tensor:
        """Return which tokens are special, such as the start token.

        Args:
            tokens: token numbers, any shape; -1 where there is no token.

        Returns:
            Of the same shape, bool.
        """
        return (tokens >= 0) & (tokens < self.specials)

    def files(self) -> dict[str, str]:
        """Return the files that must accompany a model's weights to reproduce the tokens.

        Returns:
            Contents by file name; empty if the settings are sufficient.
        """
        return {}

    def rule(self) -> str:
        """Describe in words how another program can reproduce the tokens.

        Returns:
            Sentences; empty if `files` are sufficient.
        """
        return ""

    def _all_pieces(self, text: Written) -> list[Piece]:
        parts = [text] if isinstance(text, str) else list(text or ())
        found = [Piece(self.beginning or 0)]
        for part, each in enumerate(parts):
            if part:
                found.append(Piece(self.separator or 0, part=part))
            own = self.tokens_of(each) if each else ()
            found += [Piece(*token, part) for token in own]
        return found if any(each.start >= 0 for each in found) else found[:1]
