"""What every tokenizer is."""

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
"""A text, several that stand one behind the other such as a question and its answer, or None."""


LONGEST = 2**20
"""Most tokens of a text; each text of a data set takes as much memory as the longest may."""
MOST_TOKENS = 2**31
"""Different tokens, whose numbers a batch holds in 32 bits."""


class Piece(NamedTuple):
    """A token and the characters that it stands for.

    Attributes:
        number: of the token; 0 or more and below ``vocabulary``.
        start: its first character in the text; -1 if it stands for none, such as the beginning.
        end: the character behind its last.
        part: which of several texts it is in, from 0.
    """

    number: int
    start: int = -1
    end: int = -1
    part: int = 0


class Tokenized(NamedTuple):
    """Texts as token numbers.

    Attributes:
        tokens: int32, shape ``[texts, length]``, -1 behind the end of each.
        is_cut: which texts were longer than ``length``, shape ``[texts]``, bool.
        is_empty: which texts have no token of their own, shape ``[texts]``, bool.
    """

    tokens: Tensor
    is_cut: Tensor
    is_empty: Tensor


class Tokenizer(Recorded, ABC):
    """Makes tokens of texts, in the same way in every process and on every day.

    Place 0 of every text holds a token that stands for the beginning, so that no text is without
    any. A text without tokens of its own, such as a missing one, is that token alone.

    Args:
        length: most tokens of a text, the beginning included; what is behind them is cut off.
    """

    beginning: int | None = 0
    """Number of the token in front of each text."""
    separator: int | None = 1
    """Number of the token between two texts."""
    mask: int | None = 2
    """Number of the token that stands for one that is hidden; None if there is no such token."""
    specials: int = 3
    """Numbers below this one stand for no characters."""

    def __init__(self, length: int) -> None:
        if not 2 <= length <= LONGEST:
            raise InputError(
                f"{type(self).__name__}: length is {length}; give at least 2, at most {LONGEST:,}"
            )
        self.length = length

    @property
    @abstractmethod
    def vocabulary(self) -> int:
        """Number of different tokens; all numbers are below."""

    @abstractmethod
    def tokens_of(self, text: str) -> Sequence[tuple[int, int, int]]:
        """Find the tokens of one text, however long.

        Args:
            text: not empty.

        Returns:
            For each token its number, its first character, and the character behind its last.
        """

    def pieces(self, text: Written) -> list[Piece]:
        """The tokens of a text as a model gets them, cut to ``length``.

        Args:
            text: one text, several, or None.
        """
        return self._all_pieces(text)[: self.length]

    def __call__(self, texts: Sequence[Written]) -> Tokenized:
        """Make tokens of texts.

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
        """Which tokens stand for no characters, such as the beginning.

        Args:
            tokens: token numbers, any shape; -1 is none.

        Returns:
            Of the same shape, bool.
        """
        return (tokens >= 0) & (tokens < self.specials)

    def files(self) -> dict[str, str]:
        """What must lie beside a model's weights to make the same tokens, by file name.

        Returns:
            Contents of files; none if the settings say all.
        """
        return {}

    def rule(self) -> str:
        """Tell in words how another program makes the same tokens.

        Returns:
            Sentences; none if `files` tell all.
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
