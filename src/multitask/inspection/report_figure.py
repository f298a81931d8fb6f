"""The figure of the data report."""

from __future__ import annotations

from math import ceil
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from matplotlib.figure import Figure
from torch import Tensor

from multitask import missing_labels
from multitask.data import DataModule
from multitask.data.faces import show_samples
from multitask.data.targets import as_tasks_see
from multitask.figures.drawing import Panel, fill_panels, panel_columns, panels_of
from multitask.inspection.data_report import DataReport
from multitask.inspection.label_summary import LabelSummary
from multitask.inspection.target_summary import ClassSummary, NumberSummary
from multitask.tasks.confusion_figure import brief

if TYPE_CHECKING:
    from matplotlib.axes import Axes

SAMPLES, MOST_PANELS, MOST_CLASSES = 16, 23, 30
COLUMNS, BINS = 4, 40
WIDTH, HEIGHT = 3.4, 2.7
LETTERS_BESIDE = 36
"""Most letters that fit in a panel's width; longer class names are rotated."""
NAMES: dict[str, Any] = {"fontsize": 6}


def draw_report(report: DataReport, data: DataModule) -> Figure:
    """Draw label coverage, each task's classes or numbers, and a few training samples.

    Args:
        report: the report on the data.
        data: the loaded data.
    """
    targets = report.targets[:MOST_PANELS]
    rows = ceil((1 + len(targets)) / COLUMNS)
    samples = _samples(data)
    columns = panel_columns(samples)
    heights = [rows * HEIGHT, ceil(len(samples) / columns) * (1.4 if columns > COLUMNS else 0.7)]
    figure = Figure(figsize=(COLUMNS * WIDTH, sum(heights)), layout="constrained")
    above, below = figure.subfigures(2, 1, squeeze=False, height_ratios=heights)[:, 0]
    looked_at = {split: data.targets(split) for split in data.splits}
    panels = list(above.subplots(rows, COLUMNS, squeeze=False).flat)
    _coverage(panels[0], report)
    for axes, each in zip(panels[1:], targets, strict=False):
        if isinstance(each, ClassSummary):
            _classes(axes, each)
        elif isinstance(each, LabelSummary):
            _labels(axes, each)
        else:
            _numbers(axes, each, {split: of[each.task] for split, of in looked_at.items()})
    for axes in panels[1 + len(targets) :]:
        axes.axis("off")
    fill_panels(below, samples)
    return figure


def _coverage(axes: Axes, report: DataReport) -> None:
    shown = report.targets[:MOST_CLASSES]
    height = 0.8 / len(report.sizes)
    for place, (split, size) in enumerate(report.sizes.items()):
        at = np.arange(len(shown)) + (place - (len(report.sizes) - 1) / 2) * height
        shares = [100 * each.known[split] / each.samples[split] for each in shown]
        axes.barh(at, shares, height, label=f"{split} ({size:,})")
    axes.set_yticks(range(len(shown)), [each.task for each in shown], **NAMES)
    axes.invert_yaxis()
    axes.set(xlim=(0, 100), xlabel="samples with a label (%)")
    # At the bottom, where there are no bars.
    axes.legend(fontsize=6, ncols=3, loc="upper center", bbox_to_anchor=(0.5, -0.24), frameon=False)
    axes.set_title("labels", fontsize=9)


def _classes(axes: Axes, summary: ClassSummary) -> None:
    _bars(axes, summary.counts, summary.classes)
    number = len(summary.classes)
    largest = f", the {MOST_CLASSES} largest" if number > MOST_CLASSES else ""
    of = ", pixels" if summary.is_map else ""
    axes.set_title(f"{summary.task} ({number} classes{largest}{of})", fontsize=9)


def _labels(axes: Axes, summary: LabelSummary) -> None:
    _bars(axes, {split: holds for split, (_, holds) in summary.counts.items()}, summary.labels)
    number = len(summary.labels)
    largest = f", the {MOST_CLASSES} most frequent" if number > MOST_CLASSES else ""
    axes.set_title(f"{summary.task} ({number} labels{largest})", fontsize=9)


def _bars(axes: Axes, counts: dict[str, Tensor], names: list[str]) -> None:
    """Draw a bar for each class or label, with the splits stacked."""
    totals = torch.stack(list(counts.values())).sum(0)
    order = totals.argsort(descending=True, stable=True)
    shown = order[:MOST_CLASSES].sort().values
    base = torch.zeros(len(shown), dtype=torch.int64)
    for split, each in counts.items():
        axes.bar(range(len(shown)), each[shown].numpy(), bottom=base.numpy(), label=split)
        base += each[shown]
    short = brief([names[at] for at in shown.tolist()])
    are_side_by_side = len(short) * max(map(len, short), default=0) <= LETTERS_BESIDE
    axes.set_xticks(range(len(shown)), short, rotation=0 if are_side_by_side else 90, **NAMES)


def _numbers(axes: Axes, summary: NumberSummary, targets: dict[str, Tensor]) -> None:
    values = {split: each[missing_labels.known(each)] for split, each in targets.items()}
    known = torch.cat(list(values.values())).double()
    if len(known):
        # As fractions of each split, so that small splits can be compared with large ones.
        edges: list[float] = np.histogram_bin_edges(known.numpy(), BINS).tolist()
        for split, each in values.items():
            if len(each):
                weights = np.full(len(each), 100 / len(each))
                axes.hist(
                    each.double().numpy(), edges, weights=weights, histtype="step", label=split
                )
    elements = f", {summary.size} elements" if summary.size > 1 else ""
    elements = ", pixels" if summary.is_map else elements
    axes.set_title(f"{summary.task}{elements} (% of each split)", fontsize=9)


def _samples(data: DataModule) -> list[Panel]:
    split = data.splits["train"]
    places = torch.linspace(0, len(split) - 1, min(SAMPLES, len(split))).round().long()
    batch = split[places]
    targets = {name: as_tasks_see(batch[name]) for name in split.targets}
    return panels_of(show_samples(batch, data.faces(), targets))
