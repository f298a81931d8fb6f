"""Values logged by a run, over its training epochs."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

Numbers = np.ndarray
WHILE_TRAINING = ("train/", "val/", "gradients/", "affinity/", "sharing/")


@dataclass(frozen=True)
class Curve:
    """A metric during training.

    Args:
        epochs: number of completed epochs, increasing; 0.5 is half an epoch.
        values: the metric, of the same shape.
    """

    epochs: Numbers
    values: Numbers


def read_curves(path: Path, names: Iterable[str] | None = None) -> dict[str, Curve]:
    """Read a run's metrics over epochs.

    Args:
        path: the run's ``metrics.csv``; a run without this file has no curves.
        names: metrics to read; default: all that were logged during training.

    Returns:
        Curves by name; only metrics with a known value.
    """
    wanted = None if names is None else set(names)
    ends: dict[int, int] = {}
    found: dict[str, dict[int, float]] = {}
    for step, epoch, name, value in _rows(path):
        # Tests follow training and are not part of its curves.
        if not name.startswith(WHILE_TRAINING):
            continue
        ends[epoch] = max(ends.get(epoch, 0), step + 1)
        if (wanted is None or name in wanted) and np.isfinite(value):
            found.setdefault(name, {})[step + 1] = value
    steps, epochs = _knots(ends)
    return {
        name: Curve(np.interp(sorted(points), steps, epochs), _ordered(points))
        for name, points in found.items()
    }


def mean_curve(curves: Sequence[Curve]) -> Curve | None:
    """The mean of several runs' curves, interpolated linearly.

    Args:
        curves: one for each run.

    Returns:
        Values at every epoch at which a curve has a point, up to the end of the shortest curve;
        None if no epoch is covered by all curves.
    """
    if not curves:
        return None
    first = max(each.epochs[0] for each in curves)
    last = min(each.epochs[-1] for each in curves)
    points = np.unique(np.concatenate([each.epochs for each in curves]))
    points = points[(points >= first) & (points <= last)]
    if not len(points):
        return None
    values = [np.interp(points, each.epochs, each.values) for each in curves]
    return Curve(points, np.mean(values, axis=0))


def _rows(path: Path) -> Iterable[tuple[int, int, str, float]]:
    if not path.is_file():
        return
    with path.open(newline="", encoding="utf-8-sig", errors="replace") as file:
        for row in csv.DictReader(file):
            try:
                yield int(row["step"]), int(row["epoch"]), row["name"], float(row["value"])
            except (KeyError, TypeError, ValueError):
                # A row that a crash truncated is not a row.
                continue


def _ordered(points: dict[int, float]) -> Numbers:
    return np.array([points[step] for step in sorted(points)])


def _knots(ends: dict[int, int]) -> tuple[Numbers, Numbers]:
    """Numbers of steps, and the numbers of epochs completed after them."""
    order = sorted(ends)
    steps = np.maximum.accumulate([0.0, *(float(ends[each]) for each in order)])
    epochs = np.array([0.0, *(each + 1.0 for each in order)])
    lengths = np.diff(steps) / np.diff(epochs)
    if len(lengths) > 1 and (usual := float(np.median(lengths[:-1]))) > 0:
        # The last epoch may be incomplete.
        epochs[-1] = epochs[-2] + min(epochs[-1] - epochs[-2], (steps[-1] - steps[-2]) / usual)
    return steps, epochs
