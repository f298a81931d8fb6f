"""Texts and columns as people see them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pytest
import torch
from torch import Tensor

from multitask.data import DataModule, Mixture
from multitask.data.dataset import BatchDataset, InMemory
from multitask.data.faces import LETTERS, Numbers, Texts, one_line, show_samples
from multitask.tables.input_columns import InputColumns
from multitask.tokenizers import HashedWords

NAN = float("nan")
TEXTS = ["A fine film.", "A film\n without   end", "word " * 40, ""]
TOKENIZER = HashedWords(length=16)


def test_a_text_is_shown_as_it_was_written_however_far_it_is_padded() -> None:
    asked = []

    def written() -> Iterator[tuple[Tensor, Sequence[str]]]:
        asked.append(1)
        yield TOKENIZER(TEXTS).tokens, TEXTS

    face = Texts(written)
    tokens = TOKENIZER(TEXTS).tokens
    shown = [face.show(row) for row in tokens]
    assert shown[:2] == ["A fine film.", "A film without end"]
    assert shown[2] == "word " * 15 + "word…"
    assert len(shown[2]) <= LETTERS
    assert shown[3] == ""
    assert face.show(tokens[0][:5]) == "A fine film."
    assert asked == [1]
    # Changed since it was written.
    assert face.show(tokens[0][:2]) == f"0, {int(tokens[0, 1])}"


def test_a_long_text_is_cut_between_its_letters_and_marked() -> None:
    assert one_line("a" * 10, 10) == "a" * 10
    assert one_line("a" * 11, 10) == "a" * 9 + "…"


def test_columns_have_their_names_and_categories() -> None:
    face = Numbers(["age", "sex", "size"], {"sex": ["f", "m"]})
    assert face.show(torch.tensor([31.0, 1.0, NAN])) == "age 31, sex m, size ?"
    assert face.show(torch.tensor([NAN, NAN, 0.5])) == "age ?, sex ?, size 0.5"
    assert face.show(torch.tensor([1.0, NAN])) == "1, ?"
    many = Numbers([f"c{place}" for place in range(9)]).show(torch.arange(9.0))
    assert many == "c0 0, c1 1, c2 2, c3 3, c4 4, c5 5, c6 6, c7 7, ... (9 in all)"


class Reviews(DataModule):
    """Texts beside columns."""

    def load(self) -> dict[str, BatchDataset]:
        return {
            split: InMemory(
                {
                    "text": TOKENIZER(self.written(split)).tokens,
                    "numbers": torch.tensor([[1.0, 0.0]] * 8),
                },
                {"size": torch.arange(8.0)},
            )
            for split in ("train", "val", "test")
        }

    def written(self, split: str) -> list[str]:
        return [f"seed {self.seed} {split} {row}" for row in range(8)]

    def texts(self, split: str) -> dict[str, list[str]]:
        return {"text": self.written(split)}

    def written_inputs(self) -> dict[str, InputColumns]:
        return {"numbers": InputColumns(columns=["age", "sex"], categories={"sex": ["f", "m"]})}


@pytest.mark.parametrize("meta", [None, 0.25])
def test_data_know_their_texts_also_of_samples_that_are_kept_out(meta: float | None) -> None:
    data = Reviews(seed=0, meta=meta)
    data.setup()
    for split, samples in data.splits.items():
        shown = show_samples(samples.inputs(torch.tensor([1])), data.faces())
        assert shown == [{"text": data.texts(split)["text"][1], "numbers": "age 1, sex f"}]


def test_a_mixture_knows_the_texts_of_all_its_sources() -> None:
    data = Mixture({"one": Reviews(seed=0), "two": Reviews(seed=1)}, batch_size=4, seed=0)
    data.setup()
    shown = show_samples(data.splits["val"].inputs(torch.tensor([2, 10])), data.faces())
    assert [each["text"] for each in shown] == ["seed 0 val 2", "seed 1 val 2"]
    assert shown[1]["numbers"] == "age 1, sex f"
