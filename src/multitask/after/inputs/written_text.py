"""A text, or several consecutive ones."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import Tensor
from typing_extensions import override

from multitask.after.inputs.base import Cells, Made, WrittenInput
from multitask.errors import InputError
from multitask.pages.words import listed
from multitask.tables.input_cells import written_texts
from multitask.tokenizers import Tokenizer, Written, text_mask


class WrittenText(WrittenInput):
    """Texts as tokens."""

    @property
    def tokenizer(self) -> Tokenizer:
        """The tokenizer, as in training."""
        assert self.given.tokenizer is not None
        return self.given.tokenizer

    @override
    def made(self, cells: Cells) -> Made:
        found = self.tokenizer(self.texts(cells))
        return Made(found.tokens, found.is_empty, {}, int(found.is_cut.sum()))

    def texts(self, cells: Cells) -> list[Written]:
        """The tokenizer's input for each sample.

        Args:
            cells: see `made`.
        """
        return written_texts(self.given, self._filled(cells))

    @override
    def missing(self, samples: int) -> Tensor:
        return self.tokenizer([None] * samples).tokens

    @override
    def examples(self) -> Tensor:
        found = self.missing(1).repeat(2, 1)
        # The longest text, made of the last token of the vocabulary.
        found[1, int(text_mask(found[1]).sum()) :] = self.tokenizer.vocabulary - 1
        return found

    @override
    def cells_of(self, value: Any) -> dict[str, Any]:
        if value is None:
            return dict.fromkeys(self.columns)
        if isinstance(value, Mapping):
            found = self._by_column(value)
        elif len(self.columns) == 1:
            found = {self.columns[0]: value}
        elif isinstance(value, list | tuple) and len(value) == len(self.columns):
            found = dict(zip(self.columns, value, strict=True))
        else:
            raise InputError(
                f"{self.name} is made of {len(self.columns)} texts, {listed(self.columns, 8)}; "
                "give a list of them"
            )
        for name, each in found.items():
            # In a DataFrame, a missing text is NaN.
            is_text = isinstance(each, str | None) or each != each
            if not is_text:
                called = self.name if len(self.columns) == 1 else f"{self.name}, '{name}',"
                raise InputError(f"{called} is {each!r:.60}, which is not a text; give a text")
        return found

    @override
    def example(self) -> str | list[str]:
        return "a text" if len(self.columns) == 1 else ["a text"] * len(self.columns)
