"""Summaries of the targets of one task: known labels, and their classes or range."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor

from multitask import missing_labels
from multitask.inspection.label_summary import LabelSummary, summarise_labels

Numbers = np.ndarray[tuple[int, ...], np.dtype[np.float64]]
FAR = 5.0
"""Number of interquartile ranges beyond the nearer quartile that makes an outlier."""


@dataclass(frozen=True)
class ClassSummary:
    """The summary of classification targets.

    Args:
        task: name of the task.
        known: number of samples with a label, by split.
        samples: number of samples that were read, by split.
        classes: class names, in the order of their indices.
        counts: number of samples of each class, by split, shape ``[classes]``, int64; for maps the
            number of pixels, and for lists of boxes the number of boxes.
        is_map: whether a target has one class per pixel.
        missing: for maps, the fraction of missing pixels, by split.
        is_boxes: whether a target is a list of boxes, each with a class.
    """

    task: str
    known: dict[str, int]
    samples: dict[str, int]
    classes: list[str]
    counts: dict[str, Tensor]
    is_map: bool = False
    missing: dict[str, float] = field(default_factory=dict)
    is_boxes: bool = False

    def unseen(self) -> dict[str, list[str]]:
        """For each split, its classes that do not occur in training."""
        untrained = self.counts["train"] == 0
        places = {
            split: (untrained & (counts > 0)).nonzero().flatten().tolist()
            for split, counts in self.counts.items()
        }
        return {split: [self.classes[at] for at in each] for split, each in places.items() if each}

    def constant(self) -> str:
        """The class of every training sample, empty if they differ."""
        present = self.counts["train"].nonzero().flatten().tolist()
        return self.classes[present[0]] if len(present) == 1 else ""


@dataclass(frozen=True)
class NumberSummary:
    """The summary of targets that are numbers or vectors.

    Args:
        task: name of the task.
        known: number of samples with at least one number, by split.
        samples: number of samples that were read, by split.
        size: number of elements; 1 for maps, whose pixels are summarised together.
        quartiles: minimum, quartiles and maximum of each element, by split, shape ``[size, 5]``;
            NaN if no value is known.
        is_map: whether a target has numbers for each pixel.
        missing: for maps, the fraction of missing pixels, by split.
    """

    task: str
    known: dict[str, int]
    samples: dict[str, int]
    size: int
    quartiles: dict[str, Numbers]
    is_map: bool = False
    missing: dict[str, float] = field(default_factory=dict)

    def constant_elements(self) -> list[int]:
        """The elements that have the same value in all training samples."""
        train = self.quartiles["train"]
        return [int(each) for each in np.flatnonzero(train[:, 0] == train[:, 4])]


@dataclass(frozen=True)
class Outlier:
    """A number far from the others.

    Args:
        task: name of the task.
        split: split of the sample.
        place: index of the sample in the split.
        element: index of the element in the vector.
        value: the number.
        distance: distance to the nearer quartile, in interquartile ranges.
    """

    task: str
    split: str
    place: int
    element: int
    value: float
    distance: float


Summary = ClassSummary | NumberSummary | LabelSummary


def summarise(task: str, targets: Mapping[str, Tensor], classes: Sequence[str] = ()) -> Summary:
    """Summarise a task's targets.

    Args:
        task: name of the task.
        targets: targets by split, floating (NaN if missing) or class indices (-100 if missing),
            where two axes mean several labels; maps have three or more axes. For lists of boxes the
            classes are counted, see `multitask.missing_labels.are_box_lists`.
        classes: names of the classes or labels; their indices if they have none.
    """
    first = next(iter(targets.values()))
    if first.ndim == 2 and not first.is_floating_point():
        return summarise_labels(task, targets, classes)
    is_map = first.ndim > 2
    samples = {split: len(each) for split, each in targets.items()}
    known = {
        split: int(missing_labels.known_samples(each).sum()) for split, each in targets.items()
    }
    if is_boxes := missing_labels.are_box_lists(first):
        kinds = {split: each[:, :, 0].nan_to_num(-1).long() for split, each in targets.items()}
        targets, first, is_map = kinds, next(iter(kinds.values())), False
    missing = {split: _missing(each) for split, each in targets.items()} if is_map else {}
    if first.is_floating_point():
        rows = {split: _rows(each) for split, each in targets.items()}
        of_splits = {split: quartiles(each) for split, each in rows.items()}
        size = next(iter(rows.values())).shape[1]
        return NumberSummary(task, known, samples, size, of_splits, is_map, missing)
    # Numbers that are not class indices are reported elsewhere.
    numbers = {
        split: each[missing_labels.known(each) & (each >= 0)] for split, each in targets.items()
    }
    number = max([len(classes), *(int(each.max()) + 1 for each in numbers.values() if len(each))])
    names = [*classes, *map(str, range(len(classes), number))]
    counts = {split: torch.bincount(each, minlength=number) for split, each in numbers.items()}
    return ClassSummary(task, known, samples, names, counts, is_map, missing, is_boxes)


def outliers(task: str, targets: Mapping[str, Tensor]) -> list[Outlier]:
    """Find the numbers beyond 5 interquartile ranges from the quartiles of all splits.

    An element for which more than half of the values are equal has no such range, and no outliers.

    Args:
        task: name of the task.
        targets: targets by split, floating, NaN if missing; classes and maps have no outliers.

    Returns:
        The outliers, the farthest first.
    """
    first = next(iter(targets.values()))
    if not first.is_floating_point() or first.ndim > 2:
        return []
    rows = {split: _rows(each) for split, each in targets.items()}
    of_all = quartiles(np.concatenate(list(rows.values())))
    low, high = of_all[:, 1], of_all[:, 3]
    found = []
    for split, values in rows.items():
        with np.errstate(divide="ignore", invalid="ignore"):
            distance = np.maximum(low - values, values - high) / (high - low)
        distance[:, ~(high > low)] = 0
        for place, element in np.argwhere(distance > FAR).tolist():
            value, far = float(values[place, element]), float(distance[place, element])
            found.append(Outlier(task, split, place, element, value, far))
    return sorted(found, key=lambda each: -each.distance)


def _missing(targets: Tensor) -> float:
    known = missing_labels.known(targets)
    return 1 - int(known.sum()) / max(known.numel(), 1)


def _rows(targets: Tensor) -> Numbers:
    rows = targets if targets.ndim == 2 else targets.flatten().unsqueeze(1)
    return rows.double().numpy()


def quartiles(rows: Numbers) -> Numbers:
    """Compute the minimum, quartiles and maximum of the finite numbers of each column.

    Args:
        rows: shape ``[rows, columns]``.

    Returns:
        Shape ``[columns, 5]``; NaN if none is finite.
    """
    result = np.full((rows.shape[1], 5), np.nan)
    for element, column in enumerate(rows.T):
        if len(known := column[np.isfinite(column)]):
            result[element] = np.quantile(known, [0, 0.25, 0.5, 0.75, 1])
    return result
