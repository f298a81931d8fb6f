"""Splits that a user's data set gets wrong are named, before anything is made of them."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from multitask import InputError
from multitask.data import DataModule
from multitask.data.dataset import BatchDataset, InMemory
from multitask.data.split_check import SPLITS, check_splits

IMAGES = torch.zeros(4, 1, 2, 2)


def good() -> dict[str, Any]:
    return {split: InMemory(IMAGES, {"kind": torch.arange(4)}) for split in SPLITS}


def test_good_splits_are_accepted() -> None:
    check_splits(good(), "Mine")


@pytest.mark.parametrize("missing", SPLITS)
def test_missing_split_is_named(missing: str) -> None:
    splits = good()
    del splits[missing]
    with pytest.raises(InputError, match=rf"Mine\.load\(\) returns no split '{missing}'"):
        check_splits(splits, "Mine")


@pytest.mark.parametrize(
    ("split", "message"),
    [
        ([1, 2], "a list as split 'val'"),
        (InMemory(IMAGES[:0], {}), "empty split 'val'"),
        (InMemory(IMAGES, {"kind": [1, 2, 3, 4]}), "of 'kind' are a list; give a tensor"),  # type: ignore[dict-item]
        (InMemory(IMAGES, {"kind": torch.arange(4).numpy()}), "are a ndarray"),
        (InMemory(IMAGES, {"kind": torch.arange(3)}), "'kind' has 3 targets, but there are 4"),
        (InMemory(IMAGES, {"kind": torch.tensor(1)}), "'kind' has no axis of targets"),
        (InMemory(IMAGES, {"image": torch.arange(4)}), "'image' is an input and a target"),
    ],
)
def test_wrong_split_is_named(split: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        check_splits(good() | {"val": split}, "Mine")


def test_data_module_checks_what_it_loads_and_forgets_what_is_wrong() -> None:
    class Half(DataModule):
        def load(self) -> dict[str, BatchDataset]:
            return {"train": good()["train"]}

    data = Half()
    for _ in range(2):
        with pytest.raises(InputError, match=r"Half\.load\(\) returns no split 'val'"):
            data.setup()
