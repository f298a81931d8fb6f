"""Targets in numbers."""

from __future__ import annotations

import numpy as np
import torch

from multitask.inspection.target_summary import (
    ClassSummary,
    NumberSummary,
    outliers,
    summarise,
)

NAN = float("nan")


def test_classes_are_counted_by_split() -> None:
    targets = {
        "train": torch.tensor([0, 0, 1, -100]),
        "val": torch.tensor([2]),
        "test": torch.tensor([-100]),
    }
    found = summarise("kind", targets, ["cat", "dog"])
    assert isinstance(found, ClassSummary)
    assert found.known == {"train": 3, "val": 1, "test": 0}
    assert found.classes == ["cat", "dog", "2"]
    assert found.counts["train"].tolist() == [2, 1, 0]
    assert found.unseen() == {"val": ["2"]}
    assert found.constant() == ""


def test_one_class_alone_is_constant() -> None:
    targets = dict.fromkeys(("train", "val", "test"), torch.tensor([1, -100, 1]))
    found = summarise("kind", targets, ["cat", "dog"])
    assert isinstance(found, ClassSummary)
    assert found.constant() == "dog"


def test_numbers_have_quartiles_of_each_element() -> None:
    rows = torch.tensor([[0.0, 7], [1, 7], [2, NAN], [3, 7], [4, 7], [NAN, NAN]])
    found = summarise("place", {"train": rows, "val": rows[:1], "test": rows[-1:]})
    assert isinstance(found, NumberSummary)
    assert found.known == {"train": 5, "val": 1, "test": 0}
    assert found.quartiles["train"].tolist() == [[0, 1, 2, 3, 4], [7, 7, 7, 7, 7]]
    assert np.isnan(found.quartiles["test"]).all()
    assert found.constant_elements() == [1]


def test_a_map_is_one_row_of_all_its_pixels() -> None:
    depth = torch.arange(32.0).view(2, 4, 4)
    depth[1, 0] = NAN
    found = summarise("depth", {"train": depth, "val": torch.full((3, 4, 4), NAN)})
    assert isinstance(found, NumberSummary)
    assert (found.size, found.is_map) == (1, True)
    assert found.known == {"train": 2, "val": 0}
    assert found.samples == {"train": 2, "val": 3}
    known = torch.cat([torch.arange(16.0), torch.arange(20.0, 32)])
    expected = known.quantile(torch.tensor([0, 0.25, 0.5, 0.75, 1]))
    assert found.quartiles["train"].tolist() == [expected.tolist()]
    assert outliers("depth", {"train": 1e6 * depth.pow(9)}) == []


def test_classes_of_maps_are_counted_by_pixel_and_known_by_sample() -> None:
    mask = torch.tensor([[[0, 1], [1, -100]], [[-100, -100], [-100, -100]]])
    found = summarise("mask", {"train": mask}, ["ground", "dog"])
    assert isinstance(found, ClassSummary)
    assert found.is_map
    assert found.known == {"train": 1}
    assert found.samples == {"train": 2}
    assert found.counts["train"].tolist() == [1, 2]


def test_outliers_lie_beyond_five_ranges_of_all_splits() -> None:
    # Quartiles 25 and 75, so a range of 50: 75 + 5 * 50 = 325 is not yet one.
    train = torch.arange(101.0)
    train[100] = 325
    found = outliers("size", {"train": train, "val": torch.tensor([NAN]), "test": train[:0]})
    assert found == []
    train[100], train[3] = 330, -900
    (far, near) = outliers("size", {"train": train, "val": train[:0], "test": train[:0]})
    assert (far.split, far.place, far.value) == ("train", 3, -900)
    assert (near.split, near.place, near.value) == ("train", 100, 330)


def test_nothing_is_an_outlier_where_most_are_the_same() -> None:
    mostly = torch.tensor([0.0] * 9 + [1e6])
    assert outliers("size", {"train": mostly}) == []
    assert outliers("kind", {"train": torch.tensor([0, 0, 0, 900])}) == []


def test_of_several_boxes_the_classes_are_counted() -> None:
    boxes = torch.tensor(
        [
            [[0.0, 1, 1, 5, 5], [1, 2, 2, 6, 6]],
            [[1, 1, 1, 5, 5], [-1, 0, 0, 0, 0]],
            [[-1, 0, 0, 0, 0]] * 2,
            [[float("nan")] * 5] * 2,
        ]
    )
    found = summarise("animals", {"train": boxes}, ["cat", "dog"])
    assert isinstance(found, ClassSummary)
    assert found.is_boxes
    assert found.counts["train"].tolist() == [1, 2]
    assert found.known == {"train": 3}
