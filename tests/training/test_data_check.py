"""Data whose classes are numbered in another way than the task's are refused."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
import torch

from multitask.data import DataModule
from multitask.data.dataset import BatchDataset, InMemory
from multitask.errors import InputError
from multitask.tasks import Classification
from multitask.training.data_check import check_data


class Named(DataModule):
    """Samples of the classes cat and dog."""

    def load(self) -> dict[str, BatchDataset]:
        samples = InMemory(torch.zeros(4, 1, 2, 2), {"kind": torch.arange(4) % 2})
        return dict.fromkeys(("train", "val", "test"), samples)

    def class_names(self) -> dict[str, list[str]]:
        return {"kind": ["cat", "dog"]}


@pytest.mark.parametrize("verb_split", ["train", "test"])
def test_the_same_names_in_another_order_are_refused(verb_split: str) -> None:
    task = Classification(num_classes=2, classes=["dog", "cat"])
    with pytest.raises(InputError, match="task 'kind': 'dog' is class 0 of the task's classes"):
        check_data({"kind": task}, Named(), verb_split)


@pytest.mark.parametrize("names", [None, ["cat", "dog"], ["Katze", "Hund"]])
def test_no_names_the_same_and_others_are_taken(names: Sequence[str] | None) -> None:
    check_data({"kind": Classification(num_classes=2, classes=names)}, Named(), "train")
