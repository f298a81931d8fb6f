"""Tokenization by hashes of words and signs, which needs no stored vocabulary."""

from __future__ import annotations

import re
from collections.abc import Sequence
from zlib import crc32

from multitask.errors import InputError
from multitask.tokenizers.base import MOST_TOKENS, Tokenizer

MOST_KNOWN = 2**20
"""Number of words whose token numbers are cached."""
WORDS = re.compile(r"\w+|[^\w\s]")


class HashedWords(Tokenizer):
    """Maps each word and each sign to a token by its hash (Weinberger et al. 2009).

    Words with the same hash cannot be distinguished; with a large vocabulary they are few. For
    languages with spaces between words; see `multitask.tokenizers.Bytes` for others.

    Args:
        length: most tokens per text, including the start token; the rest is cut off.
        vocabulary: number of distinct tokens; the encoder stores one vector for each.
        lower: whether to convert texts to lower case.
    """

    def __init__(self, length: int = 64, vocabulary: int = 2**15, lower: bool = True) -> None:
        super().__init__(length)
        if not self.specials < vocabulary <= MOST_TOKENS:
            raise InputError(
                f"HashedWords: vocabulary is {vocabulary}; give more than {self.specials}, at most "
                f"{MOST_TOKENS:,}"
            )
        self._vocabulary, self.lower = vocabulary, lower
        self._known: dict[str, int] = {}

    @property
    def vocabulary(self) -> int:
        return self._vocabulary

    def tokens_of(self, text: str) -> Sequence[tuple[int, int, int]]:
        return [(self._number(each[0]), each.start(), each.end()) for each in WORDS.finditer(text)]

    def rule(self) -> str:
        word = "the match in lower case (Unicode)" if self.lower else "the match"
        return (
            f"A token is each match of the regular expression {WORDS.pattern} as Unicode has it. "
            f"Its number is {self.specials} + crc32(bytes) % {self.vocabulary - self.specials}, "
            f"where bytes is {word} in UTF-8, and crc32 that of zlib."
        )

    def _number(self, word: str) -> int:
        found = self._known.get(word)
        if found is None:
            # Not `hash`, which differs between processes.
            seen = word.lower() if self.lower else word
            code = crc32(seen.encode("utf-8", "surrogatepass"))
            if len(self._known) >= MOST_KNOWN:
                self._known.clear()
            found = self._known[word] = self.specials + code % (self._vocabulary - self.specials)
        return found
