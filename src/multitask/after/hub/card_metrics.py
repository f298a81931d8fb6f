"""The metrics of a model from its run or from an evaluation."""

from __future__ import annotations

import csv
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from multitask.errors import InputError
from multitask.runs.summary import read_summary

METRICS = "metrics.csv"
"""File in the folder of an evaluation."""


@dataclass(frozen=True)
class Measured:
    """A metric of a task.

    Args:
        task: name of the task.
        metric: name of the metric.
        value: value in original units.
        trivial: value of the predictor that uses no input; None if unknown.
        interval: 95 % interval; None if unknown.
        samples: number of samples that count; None if unknown.
    """

    task: str
    metric: str
    value: float
    trivial: float | None = None
    interval: tuple[float, float] | None = None
    samples: int | None = None


def metrics_of(
    checkpoint: Path, run: Path | None, evaluation: Path | None
) -> tuple[list[Measured], str]:
    """Gather the known metrics of a checkpoint.

    Args:
        checkpoint: path of the file.
        run: the folder of its run, if it is in one.
        evaluation: folder that ``multitask evaluate`` wrote.

    Returns:
        Metrics, and a description of what they were computed on, or of why there are none.

    Raises:
        InputError: if the folder does not contain an evaluation.
    """
    if evaluation is not None:
        return _evaluated(evaluation), (
            "The metrics were computed by multitask evaluate; intervals are of 95 %."
        )
    summary = None if run is None else read_summary(run)
    if run is None or summary is None:
        return [], (
            "It was not evaluated: its checkpoint was not in a finished run. multitask evaluate "
            "computes metrics with intervals."
        )
    best = run / "checkpoints/best.ckpt"
    tested = best if best.is_file() else run / "checkpoints/last.ckpt"
    if checkpoint.resolve() != tested.resolve():
        return [], (
            f"It was not evaluated: the run tested {tested.name}, and this is {checkpoint.name}. "
            "multitask evaluate computes metrics with intervals."
        )
    return list(_tested(summary)), (
        "The metrics are those of the run's own test set, without intervals; multitask evaluate "
        "computes these."
    )


def _tested(summary: Mapping[str, Any]) -> Iterator[Measured]:
    values = summary.get("metrics") or {}
    for name, value in values.items():
        split, _, rest = name.partition("/")
        task, _, metric = rest.partition("/")
        if split == "test" and metric and metric != "loss" and math.isfinite(value):
            yield Measured(task, metric, value, values.get(f"trivial/{rest}"))


def _evaluated(folder: Path) -> list[Measured]:
    path = folder / METRICS
    try:
        with path.open(newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
        found = [_row(each) for each in rows if each["metric"] != "loss"]
    except FileNotFoundError:
        raise InputError(
            f"{folder} has no {METRICS}; give the folder that multitask evaluate wrote"
        ) from None
    except (OSError, UnicodeDecodeError, ValueError, KeyError, TypeError, csv.Error) as error:
        raise InputError(
            f"{path} is not a table that multitask evaluate wrote ({error})"
        ) from error
    return [each for each in found if each is not None]


def _row(row: Mapping[str, str]) -> Measured | None:
    low, high, trivial = (_number(row.get(name)) for name in ("low", "high", "trivial"))
    value, samples = _number(row["value"]), _number(row.get("n"))
    if value is None:
        return None
    return Measured(
        row["task"],
        row["metric"],
        value,
        trivial,
        None if low is None or high is None else (low, high),
        None if samples is None else int(samples),
    )


def _number(text: str | None) -> float | None:
    number = float(text) if text else math.nan
    return number if math.isfinite(number) else None
