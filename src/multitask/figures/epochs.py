"""What a run has logged, over the epochs that it was trained for."""

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
    """A metric while a run was trained.

    Args:
        epochs: how many had been trained for, increasing; 0.5 is half an epoch.
        values: the metric, same shape.
    """

    epochs: Numbers
    values: Numbers


def read_curves(path: Path, names: Iterable[str] | None = None) -> dict[str, Curve]:
    """Read a run's metrics over epochs.

    Args:
        path: its ``metrics.csv``; a run without one has no curves.
        names: which metrics; default: all that were logged while training.

    Returns:
        By name; only those that have a known value.
    """
    wanted = None if names is None else set(names)
    ends: dict[int, int] = {}
    found: dict[str, dict[int, float]] = {}
    for step, epoch, name, value in _rows(path):
        # What is tested has been trained before.
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
    """The mean of several runs' curves, between whose points lines are drawn.

    Args:
        curves: one for each run.

    Returns:
        At every epoch at which one of them has a point, as far as all of them reach; None where no
        epoch has a value of all.
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
                # A row that a crash cut short is not a row.
                continue


def _ordered(points: dict[int, float]) -> Numbers:
    return np.array([points[step] for step in sorted(points)])


def _knots(ends: dict[int, int]) -> tuple[Numbers, Numbers]:
    """After how many steps how many epochs were over."""
    order = sorted(ends)
    steps = np.maximum.accumulate([0.0, *(float(ends[each]) for each in order)])
    epochs = np.array([0.0, *(each + 1.0 for each in order)])
    lengths = np.diff(steps) / np.diff(epochs)
    if len(lengths) > 1 and (usual := float(np.median(lengths[:-1]))) > 0:
        # Of the last epoch maybe only a part was trained.
        epochs[-1] = epochs[-2] + min(epochs[-1] - epochs[-2], (steps[-1] - steps[-2]) / usual)
    return steps, epochs
