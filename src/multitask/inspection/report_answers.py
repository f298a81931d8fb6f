"""Summary sentences for the sections of the data report."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from multitask.data.duplicates import Duplicates
from multitask.inspection.data_report import DataReport
from multitask.inspection.label_summary import LabelSummary
from multitask.inspection.target_summary import ClassSummary, NumberSummary
from multitask.pages.words import capital, counted, listed

BALANCED = 1.5
"""Largest ratio of the sample counts of two classes that are called balanced."""
MARGIN = 0.05
"""Fraction of the training range by which other splits may exceed it and still be covered."""


def of_labels(report: DataReport) -> str:
    """Describe the sizes of the splits, and the target with the fewest labels."""
    sizes = listed(f"{size:,} {split}" for split, size in report.sizes.items())
    noun = "sample" if sum(report.sizes.values()) == 1 else "samples"
    known = {each.task: sum(each.known.values()) for each in report.targets}
    samples = {each.task: sum(each.samples.values()) for each in report.targets}
    lacking = [task for task in known if known[task] < samples[task]]
    if not lacking:
        return f"{sizes} {noun}, all of them with every label."
    least = min(lacking, key=lambda task: known[task] / samples[task])
    fewest = f"{known[least]:,} of {samples[least]:,}"
    if len(known) == 1:
        return f"{sizes} {noun}; {fewest} have a label."
    return f"{sizes} {noun}; {least} has the fewest labels, {fewest}."


def of_remarks(report: DataReport) -> str:
    """Describe how many remarks there are."""
    count = len(report.remarks)
    return f"{counted(count, 'thing')} {'deserves' if count == 1 else 'deserve'} a look."


def of_findings(report: DataReport) -> str:
    """Describe how much cannot be used, and whether training would stop at it."""
    found = report.findings
    stops = sum(pair in report.stops for pair in zip(found["table"], found["kind"], strict=True))
    text = f"{counted(len(found), 'row or cell', 'rows or cells')} cannot be used"
    if not stops:
        return f"{text}; training skips {'it' if len(found) == 1 else 'them'}."
    if stops == len(found):
        return f"{text}, and training would stop at {'it' if stops == 1 else 'them'}."
    return f"{text}, and training would stop at {stops:,} of them."


def of_duplicates(across: Sequence[Duplicates], within: Sequence[Duplicates]) -> str:
    """Describe how many samples are duplicated, and across how many splits.

    Args:
        across: groups of duplicates in several splits.
        within: groups of duplicates in one split.
    """
    groups = "group of identical samples", "groups of identical samples"
    if not across:
        one = len(within) == 1
        return f"{counted(len(within), *groups)}, {'in' if one else 'each in'} one split only."
    spans = "spans" if len(across) == 1 else "span"
    lies = "lies" if len(within) == 1 else "lie"
    rest = f"; {len(within):,} more {lies} within one split" if within else ""
    return (
        f"{counted(len(across), *groups)} {spans} several splits, so results would look better "
        f"than they are{rest}."
    )


def of_unseen(report: DataReport) -> str:
    """Describe which classes do not occur in training."""
    found = {
        f"{name} ({each.task})"
        for each in report.targets
        if isinstance(each, ClassSummary)
        for names in each.unseen().values()
        for name in names
    }
    verb = "has" if len(found) == 1 else "have"
    classes = counted(len(found), "class", "classes")
    return f"{classes} {verb} no training sample: {listed(sorted(found))}."


def of_outliers(report: DataReport, size: float) -> str:
    """Describe how many numbers are outliers.

    Args:
        report: the report on the data.
        size: number of interquartile ranges beyond which a number is listed.
    """
    tasks = list(dict.fromkeys(each.task for each in report.outliers))
    count = counted(len(report.outliers), "number")
    verb = "lies" if len(report.outliers) == 1 else "lie"
    return f"{count} of {listed(tasks)} {verb} beyond {size:g} interquartile ranges."


def of_constants(columns: int, constant: int, unlabelled: int) -> str:
    """Describe how many columns and targets cannot be learned from.

    Args:
        columns: number of columns that are not used.
        constant: number of targets that are constant in training.
        unlabelled: number of targets without a label in some split.
    """
    parts = []
    if columns:
        parts.append(f"{counted(columns, 'column')} {'is' if columns == 1 else 'are'} skipped")
    if constant:
        parts.append(
            f"{counted(constant, 'target')} {'is' if constant == 1 else 'are'} constant in training"
        )
    if unlabelled:
        has = "has" if unlabelled == 1 else "have"
        parts.append(f"{counted(unlabelled, 'target')} {has} no label in some split")
    return f"{listed(parts)}."


def of_classes(summary: ClassSummary) -> str:
    """Describe how balanced a target's classes are in training."""
    counts = summary.counts["train"].tolist()
    present = {name: n for name, n in zip(summary.classes, counts, strict=True) if n}
    one, what = ("box", "boxes") if summary.is_boxes else ("sample", "samples")
    if summary.is_map:
        one, what = "pixel", "pixels"
    if not present:
        return f"No training {one} has a label."
    absent = len(counts) - len(present)
    rest = f"; {counted(absent, 'class', 'classes')} {'has' if absent == 1 else 'have'} none"
    end = f"{rest if absent else ''}."
    most, least = (choose(present, key=lambda name: present[name]) for choose in (max, min))
    if len(present) == 1:
        return f"Every labelled training {one} is {most}{end}"
    if present[most] == present[least]:
        each = counted(present[most], f"training {one}", f"training {what}")
        return f"Balanced: {each} of each class{end}"
    if not absent and present[most] <= BALANCED * present[least]:
        return f"Balanced: {present[least]:,} to {present[most]:,} training {what} of each class."
    return (
        f"Unbalanced: from {present[least]:,} ({least}) to {present[most]:,} training {what} "
        f"({most}){end}"
    )


def of_several(summary: LabelSummary) -> str:
    """Describe how many labels a training sample has, and how frequent the labels are.

    Args:
        summary: summary of a target with several labels.
    """
    without, holds = summary.counts["train"]
    known = int(summary.known["train"])
    if not known:
        return "No training sample has a known label."
    missing = known * len(summary.labels) - int((without + holds).sum())
    rest = f"; {missing:,} individual labels are missing" if missing else ""
    shares = (holds / (without + holds).clamp_min(1)).tolist()
    most, least = (choose(range(len(shares)), key=shares.__getitem__) for choose in (max, min))
    return (
        f"{int(holds.sum()) / known:.3g} labels apply to a training sample on average, from "
        f"{shares[least]:.2g} of them ({summary.labels[least]}) to {shares[most]:.2g} "
        f"({summary.labels[most]}){rest}."
    )


def of_numbers(found: Sequence[NumberSummary]) -> str:
    """Describe whether training covers the numbers of the other splits.

    Args:
        found: the numeric targets, at least one.
    """
    beyond = [
        f"{each.task} ({split})"
        for each in found
        for split in each.quartiles
        if split != "train" and _goes_beyond(each, split)
    ]
    if beyond:
        verb = "exceeds" if len(beyond) == 1 else "exceed"
        return f"{listed(beyond)} {verb} the range of training."
    others = [split for split in found[0].quartiles if split != "train"]
    if not others:
        return f"{counted(len(found), 'target')} with numbers, in training only."
    return capital(f"the range of training covers {listed(others)}.")


def _goes_beyond(summary: NumberSummary, split: str) -> bool:
    train, other = summary.quartiles["train"], summary.quartiles[split]
    low, high = train[:, 0], train[:, 4]
    margin = MARGIN * (high - low)
    # Unknown values cannot exceed the range.
    return bool(np.any((other[:, 0] < low - margin) | (other[:, 4] > high + margin)))
