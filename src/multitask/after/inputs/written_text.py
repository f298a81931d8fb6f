"""A text, or several that stand one behind the other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from torch import Tensor
from typing_extensions import override

from multitask.after.inputs.base import Cells, Made, WrittenInput
from multitask.errors import InputError
from multitask.pages.words import listed
from multitask.tables.target_cells import cell_text
from multitask.tokenizers import Tokenizer


class WrittenText(WrittenInput):
    """Texts as tokens.

    Args:
        name: see `WrittenInput`.
        columns: one name, or those of texts that belong together, such as a question and its
            answer.
        tokenizer: as in training.
        blanks: see `WrittenInput`.
    """

    kind = "text"

    def __init__(
        self, name: str, columns: Sequence[str], tokenizer: Tokenizer, blanks: Sequence[str] = ()
    ) -> None:
        super().__init__(name, columns, blanks)
        self.tokenizer = tokenizer

    @override
    def made(self, cells: Cells) -> Made:
        texts = self.texts(cells)
        found = self.tokenizer(texts)
        return Made(found.tokens, found.is_empty, {}, int(found.is_cut.sum()))

    def texts(self, cells: Cells) -> list[str | list[str] | None]:
        """What the tokenizer gets of each sample.

        Args:
            cells: see `made`.
        """
        parts = [
            [None if each is None else cell_text(each) for each in self._filled(cells, column)]
            for column in self.columns
        ]
        if len(parts) == 1:
            return list(parts[0])
        rows = zip(*parts, strict=True)
        return [None if not any(row) else [each or "" for each in row] for row in rows]

    @override
    def missing(self, samples: int) -> Tensor:
        return self.tokenizer([None] * samples).tokens

    @override
    def examples(self) -> Tensor:
        found = self.missing(1).repeat(2, 1)
        # The longest text, with the last token that there is.
        found[1, int((found[1] >= 0).sum()) :] = self.tokenizer.vocabulary - 1
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
            if not isinstance(each, str | None):
                raise InputError(
                    f"{self._called(name)} is {each!r:.60}, which is not a text; give a text"
                )
        return found

    def _called(self, column: str) -> str:
        return self.name if len(self.columns) == 1 else f"{self.name}, '{column}',"

    @override
    def shown(self, cells: Cells, sample: int) -> str:
        one = self.texts({name: [cells[name][sample]] for name in self.columns})[0]
        if one is None:
            return "missing"
        return " ".join((one if isinstance(one, str) else " | ".join(one)).split())
