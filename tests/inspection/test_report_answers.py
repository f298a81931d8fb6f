"""What the report of data says at the top of each section, and how a browser shows it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from browser import Visit
from pages.hostile_names import HOSTILE

from multitask.data import DataModule
from multitask.data.dataset import BatchDataset, InMemory
from multitask.data.duplicates import Duplicates
from multitask.inspection import report_answers as answers
from multitask.inspection.data_report import DataReport, data_report
from multitask.inspection.report_files import write_report
from multitask.inspection.target_summary import ClassSummary, NumberSummary, Outlier
from multitask.tables.cleaning import COLUMNS

EMPTY = DataReport("x", {"train": 2}, [], [], [], {}, pd.DataFrame(columns=COLUMNS))


def classes(*train: int, is_map: bool = False, is_boxes: bool = False) -> ClassSummary:
    names = ["cat", "dog", "owl"][: len(train)]
    counts = {"train": torch.tensor(train)}
    return ClassSummary("kind", {}, {}, names, counts, is_map, is_boxes=is_boxes)


@pytest.mark.parametrize(
    ("summary", "answer"),
    [
        (classes(5, 5), "Balanced: 5 training samples of each class."),
        (classes(1, 1, 0), "Balanced: 1 training sample of each class; 1 class has none."),
        (classes(10, 12, 15), "Balanced: 10 to 15 training samples of each class."),
        (classes(10, 1, 2000), "Unbalanced: from 1 (dog) to 2,000 training samples (owl)."),
        (classes(10, 16, 0), "Unbalanced: from 10 (cat) to 16 training samples (dog); 1 class has"),
        (classes(0, 3, 0), "Every labelled training sample is dog; 2 classes have none."),
        (classes(7), "Every labelled training sample is cat."),
        (classes(0, 0), "No training sample has a label."),
        (classes(9, 9, is_map=True), "Balanced: 9 training pixels of each class."),
        (classes(9, 9, is_boxes=True), "Balanced: 9 training boxes of each class."),
        (classes(0, 3, is_boxes=True), "Every labelled training box is dog; 1 class has none."),
    ],
)
def test_balance_is_told(summary: ClassSummary, answer: str) -> None:
    assert answers.of_classes(summary).startswith(answer)


def numbers(task: str = "size", **ranges: tuple[float, float]) -> NumberSummary:
    quartiles = {
        split: np.array([[low, low, (low + high) / 2, high, high]])
        for split, (low, high) in ranges.items()
    }
    return NumberSummary(task, {}, {}, 1, quartiles)


def test_ranges_beyond_that_of_training_are_told() -> None:
    nan = float("nan")
    inside = numbers(train=(0, 100), val=(2, 104), test=(-4, 3))
    beyond = numbers("age", train=(0, 100), val=(0, 100), test=(0, 106))
    unknown = numbers("later", train=(nan, nan), val=(nan, nan), test=(0, 1))
    assert answers.of_numbers([inside, unknown]) == "The range of training covers val and test."
    assert answers.of_numbers([inside, beyond]) == "age (test) exceeds the range of training."
    assert answers.of_numbers([numbers(train=(0, 1))]) == "1 target with numbers, in training only."


@pytest.mark.parametrize(
    ("known", "answer"),
    [
        ({}, "2 train samples, all of them with every label."),
        ({"kind": 2}, "2 train samples, all of them with every label."),
        ({"kind": 1}, "2 train samples; 1 of 2 have a label."),
        ({"kind": 1, "later": 0}, "2 train samples; later has the fewest labels, 0 of 2."),
    ],
)
def test_labels_are_counted(known: dict[str, int], answer: str) -> None:
    targets = [
        replace(classes(1, 1), task=task, known={"train": count}, samples={"train": 2})
        for task, count in known.items()
    ]
    assert answers.of_labels(replace(EMPTY, targets=[*targets])) == answer


def test_findings_are_counted_with_those_that_stop_a_training() -> None:
    rows = [(row, "", kind, "", "", "a.csv") for row, kind in enumerate(["x", "x", "y"])]
    found = replace(EMPTY, findings=pd.DataFrame(rows, columns=COLUMNS))
    says = answers.of_findings
    assert says(found) == "3 rows or cells cannot be used; training skips them."
    some = replace(found, stops={("a.csv", "x")})
    assert says(some) == "3 rows or cells cannot be used, and training would stop at 2 of them."
    one = replace(some, findings=found.findings.head(1))
    assert says(one) == "1 row or cell cannot be used, and training would stop at it."


def test_duplicates_and_outliers_are_counted() -> None:
    group = Duplicates([("train", 0), ("train", 1)])
    assert answers.of_duplicates([], [group]) == "1 group of identical samples, in one split only."
    assert answers.of_duplicates([group] * 2, []) == (
        "2 groups of identical samples span several splits, so results would look better than they "
        "are."
    )
    far = Outlier("size", "train", 0, 0, 9.0, 9.0)
    said = answers.of_outliers(replace(EMPTY, outliers=[far]), 5.0)
    assert said == "1 number of size lies beyond 5 interquartile ranges."


class Named(DataModule):
    """Classes of hostile names, and numbers."""

    def load(self) -> dict[str, BatchDataset]:
        targets = {"kind": torch.arange(60) % len(HOSTILE), "size": torch.rand(60)}
        return {
            split: InMemory(torch.rand(60, 1, 4, 4), targets) for split in ("train", "val", "test")
        }


def test_the_report_is_opened_in_a_browser(tmp_path: Path, visit: Callable[..., Visit]) -> None:
    data = Named(seed=0)
    data.setup()
    report = data_report(data, HOSTILE[0], {"kind": HOSTILE}, left_out={HOSTILE[1]: HOSTILE[2]})
    page = write_report(report, data, tmp_path)
    for width in (400, 1280):
        found = visit(page.as_uri(), width=width)
        assert found.complaints == []
        assert len(found.requests) == 1
        titles = found.page.locator("main h2")
        assert titles.all_inner_texts() == [
            "Samples and labels",
            "Skipped, constant or unlabelled",
            f"kind: {len(HOSTILE)} classes",
            "Ranges of numbers",
            "Distributions and samples",
        ]
        assert found.page.locator("main h2 + p.answer").count() == 5
        assert found.page.evaluate("document.documentElement.scrollWidth") <= width
