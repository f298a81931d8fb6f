"""Tokenization into bytes, for languages without spaces."""

from __future__ import annotations

from collections.abc import Sequence

from multitask.tokenizers.base import Tokenizer


class Bytes(Tokenizer):
    """Uses each byte of a text in UTF-8 as a token, so that no two texts look the same.

    A text has about five times as many tokens as words.

    Args:
        length: most tokens per text, including the start token; the rest is cut off.
    """

    def __init__(self, length: int = 256) -> None:
        super().__init__(length)

    @property
    def vocabulary(self) -> int:
        return 256 + self.specials

    def tokens_of(self, text: str) -> Sequence[tuple[int, int, int]]:
        return [
            (self.specials + byte, place, place + 1)
            for place, character in enumerate(text)
            for byte in character.encode("utf-8", "surrogatepass")
        ]

    def rule(self) -> str:
        return (
            f"A token is each byte of the text in UTF-8. Its number is {self.specials} + the byte."
        )
