"""Data whose classes are numbered in another way than the task's are refused."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image
from tiny_training import TinyData

from multitask.data import DataModule, Table
from multitask.data.dataset import BatchDataset, InMemory
from multitask.errors import InputError
from multitask.geometry import Positions
from multitask.tasks import Classification, Count, Keypoints, Ordinal, Regression
from multitask.training.data_check import (
    check_data,
    name_disordered,
    name_left_behind,
    name_unlabelled,
    unlabelled,
)


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


class Sparse:
    """Class numbers that are read by batch, of which the last alone is known."""

    def __len__(self) -> int:
        return 3000

    def __getitem__(self, indices: torch.Tensor, /) -> torch.Tensor:
        return torch.where(indices == 2998, 1, -100)


@pytest.mark.filterwarnings("ignore:.*lightning.*")
def test_a_task_without_a_label_in_validation_is_named() -> None:
    tasks = {"kind": Classification(3), "size": Regression()}
    nothing = torch.full((24,), float("nan"))
    data = TinyData({"val": {"size": nothing}})
    with pytest.warns(UserWarning, match="task 'size' has no label in the validation split"):
        name_unlabelled(tasks, data)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        name_unlabelled(tasks, TinyData())
        name_unlabelled(tasks, TinyData({"test": {"size": nothing}}))
        name_unlabelled({**tasks, "size": Regression(counts=False)}, data)
        name_unlabelled(tasks, TinyData(without=["val"]))


def test_all_targets_on_a_disk_are_read_to_tell_whether_one_is_known() -> None:
    data = TinyData()
    data.setup()
    data.splits["val"] = InMemory(torch.zeros(3000, 1, 1, 1), {"kind": Sparse()})
    assert not data.targets("val")["kind"].eq(1).any()
    assert unlabelled({"kind": Classification(3)}, data, "val") == []


@pytest.mark.parametrize(("labels", "words"), [(1, "the only labelled"), (3, "all 3 labelled")])
def test_a_task_whose_labels_are_all_kept_out_is_told_the_cure(labels: int, words: str) -> None:
    data = TinyData(meta=0.5)
    data.setup()
    data.splits["train"].targets["size"] = torch.full((12,), float("nan"))
    data.splits["meta"].targets["size"] = torch.where(torch.arange(12) < labels, 1.0, torch.nan)
    with pytest.raises(InputError, match=f"{words}.* meta set.*smaller share data.init_args.meta"):
        check_data({"size": Regression()}, data, "train")


@pytest.mark.filterwarnings("ignore:.*lightning.*")
@pytest.mark.parametrize(
    ("classes", "is_told"),
    [
        (["high", "low", "medium"], True),
        (["low", "medium", "high"], False),
        (["high", "medium", "low"], False),
        (["b", "a", "c"], False),
        (None, False),
    ],
)
def test_classes_out_of_order_are_told(classes: list[str] | None, is_told: bool) -> None:
    name_disordered({"kind": Classification(3, classes=["high", "low", "medium"])})
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        name_disordered({"kind": Ordinal(3, classes=classes)})
    assert len(told) == is_told
    assert all("list them as low, medium, high" in str(each.message) for each in told)


@pytest.mark.filterwarnings("ignore:.*lightning.*")
@pytest.mark.parametrize(
    ("size", "settings", "is_told"),
    [
        ((6, 12), {}, True),
        ((8, 12), {}, False),
        ((6, 12), {"follows": Positions()}, False),
    ],
)
def test_points_that_do_not_follow_resizing_are_told(
    tmp_path: Path, size: tuple[int, int], settings: dict[str, Any], is_told: bool
) -> None:
    rows = ["file_name,x,y"]
    for place in range(8):
        Image.new("L", (12, 8), place).save(tmp_path / f"{place}.png")
        rows.append(f"{place}.png,{place},3")
    (tmp_path / "a.csv").write_text("\n".join(rows))
    data = Table({"eye": {"columns": ["x", "y"], **settings}}, tmp_path / "a.csv", image_size=size)
    data.setup()
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        name_left_behind({"eye": Keypoints(1, reference=5.0), "size": Regression(2)}, data)
    assert ["targets.eye" in str(each.message) for each in told] == [True] * is_told


class Files(DataModule):
    """Counts of the samples of files, which are read by batch."""

    def load(self) -> dict[str, BatchDataset]:
        samples = InMemory(torch.zeros(600, 1, 2, 2), {"cells": OnDisk()})
        return dict.fromkeys(("train", "val", "test"), samples)

    def names(self, split: str) -> list[str]:
        return [f"{split}/{place}.png" for place in range(600)]


class OnDisk:
    """Counts of which one is wrong, that of the last sample."""

    def __len__(self) -> int:
        return 600

    def __getitem__(self, places: torch.Tensor, /) -> torch.Tensor:
        return torch.where(places == 599, -1.0, 1.0)


def test_a_target_that_does_not_fit_is_told_with_its_file() -> None:
    with pytest.raises(InputError, match=r"is -1; a count must .* \(the sample is val/599.png\)$"):
        check_data({"cells": Count()}, Files(), "val")
