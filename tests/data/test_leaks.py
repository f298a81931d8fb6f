"""Images and texts that are in several splits."""

from __future__ import annotations

import pytest
import torch

from multitask.data import DataModule
from multitask.data.dataset import BatchDataset, InMemory
from multitask.data.duplicates import input_hashes, tells_little
from multitask.data.leaks import leaks
from multitask.data.look import DataRemark
from multitask.tokenizers import HashedWords

NAN = float("nan")
TOKENIZER = HashedWords(length=8)
TEXTS = {
    "train": ["a fine film", "the end of it", "", "yes", "all too long", "a fine film"],
    "val": ["A fine film", "", "yes", "never seen before"],
    "test": ["all too long", "another one of them", "a fine film"],
}


class Reviews(DataModule):
    """Texts of which two are in several splits, beside images that are all missing."""

    def load(self) -> dict[str, BatchDataset]:
        return {
            split: InMemory(
                {
                    "review": TOKENIZER(texts).tokens,
                    "image": torch.full((len(texts), 1, 2, 2), NAN),
                },
                {"size": torch.arange(float(len(texts)))},
            )
            for split, texts in TEXTS.items()
        }

    def names(self, split: str) -> list[str]:
        return [f"{split} {place}" for place in range(len(TEXTS[split]))]


def test_texts_in_several_splits_are_told_and_missing_inputs_are_not_the_same() -> None:
    data = Reviews(seed=0)
    with pytest.warns(DataRemark):
        data.setup()
    assert [each for each in data.remarks if "several splits" in each] == [
        "2 texts occur in several splits, such as test 2 (test) = val 0 (val) = train 0 (train), "
        "so 1 of the 4 val samples and 2 of the 3 test samples are also in the training set; "
        "results look better than they are: keep each in only one split"
    ]


def test_what_is_not_compared_in_time_is_told() -> None:
    data = Reviews(seed=0)
    with pytest.warns(DataRemark):
        data.setup()
    found = leaks(data.splits, "review", seconds=0.0)
    assert (found.compared, found.samples, found.groups) == (0, 13, [])


def test_which_inputs_tell_little() -> None:
    assert tells_little(TOKENIZER(["", "yes", "a film"]).tokens).tolist() == [True, True, False]
    assert tells_little(torch.tensor([[NAN, NAN], [NAN, 1.0]])).tolist() == [True, False]
    assert tells_little(torch.zeros(2, 1, 2, 2, dtype=torch.uint8)).tolist() == [False, False]


def test_only_images_become_bytes() -> None:
    tokens = TOKENIZER(["one film", "two films"]).tokens
    first, second = input_hashes(InMemory({"text": tokens}, {}), as_bytes=True)
    assert first != second
