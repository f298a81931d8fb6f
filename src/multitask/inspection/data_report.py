"""The complete report on configured data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import pandas as pd
from torch import Tensor

from multitask.data import DataModule
from multitask.data.duplicates import Duplicates, duplicates
from multitask.data.targets import places_to_look_at
from multitask.inspection.input_summary import InputSummary, summarise_inputs
from multitask.inspection.target_summary import Outlier, Summary, outliers, summarise
from multitask.tables.cleaning import COLUMNS

Stops = set[tuple[str, str]]
"""A table's file, and a kind of finding at which training with the table would stop."""


@dataclass(frozen=True)
class DataReport:
    """The results of an inspection.

    Args:
        title: name of the data.
        sizes: number of samples by split.
        targets: a summary of each task's targets.
        outliers: numbers far from the others, the farthest of each task first.
        duplicates: samples whose inputs occur more than once.
        names: names of the samples by split, if they have names.
        findings: rows and cells that cannot be used: ``row``, ``file``, ``kind``, ``column``,
            ``reason``, ``table``.
        stops: the table and the kind of those findings at which training would stop.
        left_out: columns of the table that are not targets, and the reasons.
        remarks: possible problems, each with a remedy.
        inputs: a summary of each input that is a text, or numbers and categories.
    """

    title: str
    sizes: dict[str, int]
    targets: list[Summary]
    outliers: list[Outlier]
    duplicates: list[Duplicates]
    names: dict[str, list[str] | None]
    findings: pd.DataFrame
    stops: Stops = field(default_factory=set)
    left_out: dict[str, str] = field(default_factory=dict)
    remarks: list[str] = field(default_factory=list)
    inputs: list[InputSummary] = field(default_factory=list)

    def name(self, split: str, place: int) -> str:
        """Return the name of a sample: its file, or its index.

        Args:
            split: split of the sample.
            place: index of the sample in the split.
        """
        names = self.names[split]
        return names[place] if names else f"sample {place}"


def data_report(
    data: DataModule,
    title: str,
    classes: Mapping[str, Sequence[str]],
    stops: Stops | None = None,
    left_out: Mapping[str, str] | None = None,
) -> DataReport:
    """Inspect the targets and all inputs of a data set.

    Args:
        data: the loaded data set.
        title: name of the data, for display.
        classes: names of classes or labels by task, if the data do not provide them.
        stops: see `DataReport`.
        left_out: see `DataReport`.
    """
    names = {**data.element_names(), **classes}
    looked_at = {split: data.targets(split) for split in data.splits}
    targets = {
        task: {split: each[task] for split, each in looked_at.items()}
        for task in looked_at["train"]
    }
    return DataReport(
        title=title,
        sizes={split: len(each) for split, each in data.splits.items()},
        targets=[summarise(task, each, names.get(task, ())) for task, each in targets.items()],
        outliers=[found for task, each in targets.items() for found in _outliers(data, task, each)],
        duplicates=duplicates(data.splits)[0],
        names={split: data.names(split) for split in data.splits},
        findings=_findings(data),
        stops=stops or set(),
        left_out=dict(left_out or {}),
        remarks=data.remarks,
        inputs=summarise_inputs(data),
    )


def _outliers(data: DataModule, task: str, targets: Mapping[str, Tensor]) -> list[Outlier]:
    # Convert to indices in the whole split, of which only some samples may have been read.
    places = {
        split: places_to_look_at(samples.targets[task]) for split, samples in data.splits.items()
    }
    return [
        replace(each, place=int(places[each.split][each.place])) for each in outliers(task, targets)
    ]


def _findings(data: DataModule) -> pd.DataFrame:
    # Findings that were kept unchanged can be used.
    found: Any = getattr(data, "skipped", None)
    return pd.DataFrame(columns=COLUMNS) if found is None else found
