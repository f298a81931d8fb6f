"""What a checkpoint tells of inputs that people write."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from multitask.data import DataModule, Mixture
from multitask.data.dataset import BatchDataset, InMemory
from multitask.errors import InputError
from multitask.tables.input_columns import InputColumns
from multitask.tokenizers import Bytes, HashedWords, Tokenizer
from multitask.training.description import described_inputs, made_otherwise, other_written


class WithFiles(HashedWords):
    """A tokenizer that is made of files, or finds them."""

    def __init__(self, length: int = 8, files: dict[str, str] | None = None) -> None:
        super().__init__(length)
        self.own = files or {"words.txt": "a b"}

    def files(self) -> dict[str, str]:
        return self.own


class Reviews(DataModule):
    """A text, a number and a category, and an input that nobody can write."""

    def __init__(self, tokenizer: Tokenizer | None = None, **options: Any) -> None:
        super().__init__(**options)
        self.tokenizer = tokenizer or HashedWords(4)

    def load(self) -> dict[str, BatchDataset]:
        inputs = {
            "review": self.tokenizer(["a b"] * 4).tokens,
            "person": torch.zeros(4, 2),
            "state": torch.zeros(4, 3),
        }
        return {
            split: InMemory(inputs, {"stars": torch.zeros(4, 1)})
            for split in ("train", "val", "test")
        }

    def written_inputs(self) -> dict[str, Any]:
        return {
            "review": InputColumns(column=["title", "text"], tokenizer=self.tokenizer),
            "person": InputColumns(
                columns=["age", "sex"], categories={"sex": ["f", "m"]}, missing=["NA", -9]
            ),
        }


def told(data: DataModule) -> dict[str, Any]:
    data.setup()
    return described_inputs(data)


def test_texts_and_columns_are_told() -> None:
    assert told(Reviews()) == {
        "review": {
            "kind": "text",
            "columns": ["title", "text"],
            "tokenizer": {
                "class_path": "multitask.tokenizers.hashed_words.HashedWords",
                "init_args": {"length": 4},
            },
            "files": {},
            "missing": [],
        },
        "person": {
            "kind": "columns",
            "columns": ["age", "sex"],
            "categories": {"sex": ["f", "m"]},
            "missing": ["NA", "-9"],
        },
        "state": None,
    }


@pytest.mark.parametrize("made", [WithFiles(), WithFiles(files={"words.txt": "a b"})])
def test_files_of_a_tokenizer_are_told_once(made: Tokenizer) -> None:
    found = told(Reviews(made))["review"]
    assert found["files"] == {"words.txt": "a b"}
    assert "files" not in found["tokenizer"].get("init_args", {})


def test_a_mixture_makes_inputs_as_all_its_sources_do() -> None:
    same = Mixture({"one": Reviews(), "two": Reviews()})
    assert told(same)["review"] == told(Reviews())["review"]
    other = Mixture({"one": Reviews(), "two": Reviews(Bytes(4))})
    with pytest.raises(InputError, match="'one' and 'two' build the input 'review' in different"):
        told(other)


@pytest.mark.parametrize(
    ("tokenizer", "other"),
    [
        (HashedWords(4), None),
        (HashedWords(4, 2**15), None),
        (HashedWords(4, 2**14), "review"),
        (HashedWords(), "review"),
        (Bytes(4), "review"),
    ],
)
def test_other_tokens_are_told(tokenizer: Tokenizer, other: str | None) -> None:
    description = told(Reviews())
    data = Reviews(tokenizer)
    data.setup()
    assert made_otherwise(description, data) == other


def test_other_columns_are_told() -> None:
    ours = told(Reviews())
    theirs = {**ours, "person": {**ours["person"], "categories": {"sex": ["m", "f"]}}}
    data = Reviews()
    data.setup()
    assert made_otherwise(theirs, data) == "person"
    assert other_written(ours, theirs) == "person"
    assert other_written(ours, ours) is None
    # What is not told cannot be compared.
    assert made_otherwise({}, data) is None
