"""The tables of the data report."""

from __future__ import annotations

from collections.abc import Iterator

from torch import Tensor

from multitask.inspection import report_answers as answers
from multitask.inspection.data_report import DataReport
from multitask.inspection.label_summary import LabelSummary
from multitask.inspection.target_summary import ClassSummary, NumberSummary
from multitask.pages.blocks import Block, Paragraph, Section, Table
from multitask.pages.words import counted

MOST_CLASSES = 20
MOST_ELEMENTS = 12


def splits(report: DataReport) -> Iterator[Block]:
    """Count the samples of each split, and those with a label."""
    yield Section("Samples and labels", answers.of_labels(report))
    yield Table(
        ["split", "samples", *(each.task for each in report.targets)],
        [
            [
                split,
                f"{size:,}",
                *(share(each.known[split], each.samples[split]) for each in report.targets),
            ]
            for split, size in report.sizes.items()
        ],
    )
    for each in report.targets:
        fewer = [split for split, size in report.sizes.items() if each.samples[split] < size]
        if fewer:
            some = ", ".join(f"{each.samples[split]:,} of {split}" for split in fewer)
            yield Paragraph(f"For {each.task}, only evenly spaced samples were inspected: {some}.")
        if not isinstance(each, LabelSummary) and any(each.missing.values()):
            some = ", ".join(f"{share:.2%} of {split}" for split, share in each.missing.items())
            yield Paragraph(f"Pixels of {each.task} are missing: {some}.")


def classes(report: DataReport) -> Iterator[Block]:
    """Count the samples of each class, with a section for each classification target."""
    for each in report.targets:
        if not isinstance(each, ClassSummary):
            continue
        totals = sum(each.counts.values()).tolist()  # type: ignore[union-attr]
        order = range(len(each.classes))
        if len(each.classes) > MOST_CLASSES:
            ranked = sorted(order, key=lambda at: -totals[at])
            order = [*ranked[: MOST_CLASSES // 2], *ranked[-MOST_CLASSES // 2 :]]  # type: ignore[assignment]
        names = counted(len(each.classes), "class", "classes")
        of = ", by pixels" if each.is_map else ", by boxes" if each.is_boxes else ""
        yield Section(f"{each.task}: {names}{of}", answers.of_classes(each))
        if len(each.classes) > MOST_CLASSES:
            half = MOST_CLASSES // 2
            yield Paragraph(f"The {half} largest and the {half} smallest:")
        counts = each.counts
        rows = [
            [each.classes[at], *(_count(c, at, each.is_map) for c in counts.values())]
            for at in order
        ]
        yield Table(["class", *counts], rows)


def several_labels(report: DataReport) -> Iterator[Block]:
    """Count the samples with each label, with a section for each target of several labels."""
    for each in report.targets:
        if not isinstance(each, LabelSummary):
            continue
        order, half = each.order(), MOST_CLASSES // 2
        of = counted(len(order), "label")
        yield Section(f"{each.task}: {of}", answers.of_several(each))
        if len(order) > MOST_CLASSES:
            yield Paragraph(f"The {half} most frequent and the {half} rarest:")
            order = [*order[:half], *order[-half:]]
        rows = [
            [each.labels[at], *(_holds(counts, at) for counts in each.counts.values())]
            for at in order
        ]
        rows.append(["none of them", *(f"{count:,}" for count in each.alone.values())])
        yield Table(["label", *each.counts], rows)


def ranges(report: DataReport) -> Iterator[Block]:
    """List the range and the quartiles of each number in each split."""
    heads = ["target", "split", "lowest", "1st quartile", "median", "3rd quartile", "highest"]
    rows = []
    for each in report.targets:
        if isinstance(each, NumberSummary):
            for element in range(min(each.size, MOST_ELEMENTS)):
                name = each.task if each.size == 1 else f"{each.task}[{element}]"
                name += " (pixels)" if each.is_map else ""
                for split, values in each.quartiles.items():
                    rows.append([name, split, *map(number, values[element])])
            if each.size > MOST_ELEMENTS:
                rows.append([f"{each.task}: {each.size - MOST_ELEMENTS} more", *[""] * 6])
    if rows:
        found = [each for each in report.targets if isinstance(each, NumberSummary)]
        yield Section("Ranges of numbers", answers.of_numbers(found))
        yield Table(heads, rows)


def number(value: float) -> str:
    """Format a number for display; empty for NaN."""
    return "" if value != value else f"{value:.5g}"


def _count(counts: Tensor, at: int, has_share: bool) -> str:
    number = int(counts[at])
    return share(number, max(int(counts.sum()), 1)) if has_share else f"{number:,}"


def _holds(counts: Tensor, at: int) -> str:
    without, holds = counts[:, at].tolist()
    return f"{holds:,} of {without + holds:,}"


def share(count: int, of: int) -> str:
    """Format a count with its percentage.

    Args:
        count: the count.
        of: the total.
    """
    return f"{count:,} ({100 * count / of:.3g} %)"
