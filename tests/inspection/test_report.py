"""The report of data with known faults."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
import torch
from matplotlib.figure import Figure
from torch import Tensor

from multitask.data import DataModule
from multitask.data.dataset import BatchDataset, InMemory
from multitask.inspection.data_report import DataReport, data_report
from multitask.inspection.report_figure import _classes, draw_report
from multitask.inspection.report_text import report_text
from multitask.inspection.target_summary import ClassSummary
from multitask.tables.cleaning import COLUMNS

NAN = float("nan")
SAMPLES = 40


class Faulty(DataModule):
    """Duplicates, an outlier, a class that training has not, and constant targets."""

    def load(self) -> dict[str, BatchDataset]:
        generator = torch.Generator().manual_seed(0)
        splits: dict[str, BatchDataset] = {}
        for split in ("train", "val", "test"):
            images = torch.rand(SAMPLES, 1, 4, 4, generator=generator)
            kind = torch.arange(SAMPLES) % 2
            size = torch.randn(SAMPLES, generator=generator)
            kind[:10] = -100
            if split == "train":
                images[7] = images[4]
                known = images[3]
                size[5], size[6] = 1000, NAN
            else:
                images[9] = known
            if split == "test":
                kind[30] = 2
            targets = {
                "kind": kind,
                "size": size,
                "place": torch.stack([size, torch.ones(SAMPLES)], 1),
                "later": torch.full((SAMPLES,), NAN),
            }
            splits[split] = InMemory(images, targets)
        return splits

    def names(self, split: str) -> list[str]:
        return [f"{split}/{place}.png" for place in range(SAMPLES)]


@pytest.fixture
def data() -> Faulty:
    made = Faulty(seed=0)
    made.setup()
    return made


def report_of(data: DataModule) -> DataReport:
    return data_report(data, "faulty", {"kind": ["cat", "dog", "owl"]}, left_out={"x": "empty"})


def test_each_fault_is_told_by_name(data: Faulty) -> None:
    text = report_text(report_of(data))
    assert text.startswith("# faulty: 120 samples\n")
    for line in [
        "| train |      40 | 30 (75 %) | 39 (97.5 %) | 40 (100 %) | 0 (0 %) |",
        "- train/3.png (train) = val/9.png (val) = test/9.png (test)",
        "- train/4.png (train) = train/7.png (train)",
        "40 train, 40 val and 40 test samples; later has the fewest labels, 0 of 120.",
        "1 group of identical samples spans several splits, so results would look better than they "
        "are; 1 more lies within one split.",
        "1 class has no training sample: owl (kind).",
        "2 numbers of size and place lie beyond 5 interquartile ranges.",
        "1 column is skipped, 1 target is constant in training and 1 target has no label in some "
        "split.",
        "Balanced: 15 training samples of each class; 1 class has none.",
        "- kind: owl, in test",
        "- train/5.png (train): 1000",
        "- train/5.png (train): element 0 is 1000",
        "- column x is skipped: empty",
        "- place, element 1, is always the same number in training",
        "- later has no label in train",
        "| owl   |     0 |   0 |    1 |",
    ]:
        assert line in text.splitlines(), text
    assert text.count("(train): 1000") == 1
    assert "## Unusable" not in text


def test_findings_are_listed_with_their_rows(data: Faulty) -> None:
    rows = [(row, f"{row}.png", "missing_file", "", "it is gone", "a.csv") for row in range(2, 15)]
    rows.append((20, "a.png", "unknown_class", "kind", "'catt' is no class", "a.csv"))
    data.skipped = pd.DataFrame(rows, columns=COLUMNS)  # type: ignore[attr-defined]
    text = report_text(data_report(data, "faulty", {}, {("a.csv", "missing_file")}))
    assert "missing_file: 13; training would stop at them" in text
    assert "- row 2, 2.png: it is gone" in text
    assert "- and 3 more" in text
    assert "unknown_class: 1\n" in text
    assert "- row 20, a.png: column kind: 'catt' is no class" in text
    data.skipped.loc[0, "table"] = "b.csv"  # type: ignore[attr-defined]
    assert "- b.csv, row 2, 2.png: it is gone" in report_text(data_report(data, "faulty", {}))


def test_names_with_line_breaks_stay_in_their_row(data: Faulty) -> None:
    text = report_text(data_report(data, "faulty", {"kind": ["a\nb", "c|d", "owl"]}))
    assert "| a\\nb  |    15 |" in text
    assert "| c|d   |    15 |" in text


def test_sound_data_have_only_tables(data: Faulty) -> None:
    for split, each in data.splits.items():
        each._inputs["image"] = torch.rand(SAMPLES, 1, 4, 4)  # type: ignore[attr-defined]
        each.targets = {"kind": torch.arange(SAMPLES) % 2, "size": torch.rand(SAMPLES)}
        assert split in ("train", "val", "test")
    titles = [line for line in report_text(report_of(data)).splitlines() if line[:1] == "#"]
    data.remarks = []
    data_only = data_report(data, "sound", {})
    titles = [line for line in report_text(data_only).splitlines() if line.startswith("#")]
    assert titles == [
        "# sound: 120 samples",
        "## Samples and labels",
        "## kind: 2 classes",
        "## Ranges of numbers",
    ]


def test_many_classes_are_cut_to_the_largest_and_the_smallest(data: Faulty) -> None:
    for each in data.splits.values():
        each.targets = {"kind": torch.arange(SAMPLES)}
    data.splits["train"].targets["kind"][0] = 39
    text = report_text(data_report(data, "many", {}))
    assert "The 10 largest and the 10 smallest:" in text
    rows = [line.split()[1] for line in text.splitlines() if line.startswith("| ")]
    assert rows.index("39") < rows.index("1") < rows.index("0")


class Mapped(DataModule):
    """Maps, some of which are read by batch, beside numbers as an input."""

    class Stored:
        def __len__(self) -> int:
            return 1000

        def __getitem__(self, indices: Tensor) -> Tensor:
            return (indices % 3).byte().view(-1, 1, 1).expand(-1, 4, 4)

    def load(self) -> dict[str, BatchDataset]:
        inputs = {"image": torch.rand(1000, 1, 4, 4), "numbers": torch.rand(1000, 2)}
        targets = {"mask": self.Stored(), "depth": torch.rand(1000, 4, 4)}
        return {split: InMemory(inputs, targets) for split in ("train", "val", "test")}


def test_a_map_is_one_row_and_stored_ones_are_judged_by_some(tmp_path: Path) -> None:
    data = Mapped(seed=0)
    data.setup()
    report = data_report(data, "mapped", {"mask": ["ground", "cat", "dog"]})
    lines = report_text(report).splitlines()
    assert "| train |   1,000 | 256 (100 %) | 1,000 (100 %) |" in lines
    some = "256 of train, 256 of val, 256 of test"
    assert f"For mask, only evenly spaced samples were inspected: {some}." in lines
    assert "## mask: 3 classes, by pixels" in lines
    assert sum(line.startswith("| depth (pixels)") for line in lines) == 3
    assert not any("Outliers" in line for line in lines)
    figure = draw_report(report, data)
    titles = [axes.get_title() for each in figure.subfigs for axes in each.axes]
    assert titles[1:3] == ["mask (3 classes, pixels)", "depth, pixels (% of each split)"]
    shown = [axes for axes in figure.subfigs[1].axes if axes.images]
    # An image with its numbers, a mask and a depth of each of 16 samples.
    assert len(shown) == 48
    assert all(axes.get_title().startswith("numbers 0.") for axes in shown[::3])
    assert [axes.get_title() for axes in shown[1:3]] == ["mask", "depth"]


def test_the_figure_has_a_panel_for_labels_and_each_target(data: Faulty, tmp_path: Path) -> None:
    figure = draw_report(report_of(data), data)
    titles = [axes.get_title() for each in figure.subfigs for axes in each.axes]
    assert titles[:5] == [
        "labels",
        "kind (3 classes)",
        "size (% of each split)",
        "place, 2 elements (% of each split)",
        "later (% of each split)",
    ]
    assert sum(bool(axes.images) for axes in figure.subfigs[1].axes) == 16
    figure.savefig(tmp_path / "x.png")
    assert (tmp_path / "x.png").stat().st_size > 10_000


def test_long_names_of_a_few_classes_stand_upright() -> None:
    for names, rotation in (["cat", "dog"], 0), (["great spotted woodpecker", "carrion crow"], 90):
        axes = Figure().subplots()
        _classes(
            axes,
            ClassSummary(
                "kind", {"train": 2}, {"train": 2}, names, {"train": torch.ones(2).long()}
            ),
        )
        labels = axes.get_xticklabels()
        assert [label.get_rotation() for label in labels] == [rotation] * 2
        assert max(len(label.get_text()) for label in labels) <= 20
