"""Report of a calibration: a folder with a table, figures and a page."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path

from pandas import DataFrame

from multitask.after.calibrating.calibration import CalibratedTask, Calibration
from multitask.after.calibrating.words import NAMES, in_words, remarks
from multitask.figures.rejection import draw_rejection, rejection_of
from multitask.figures.reliability import draw_reliability, reliability_of
from multitask.figures.saving import save_drawing
from multitask.pages.blocks import Block, Figure, Heading, Paragraph, Section, Table
from multitask.pages.report import write_pages
from multitask.pages.spreadsheet import write_csv
from multitask.tasks import Classification

TABLE = "calibration.csv"
DPI = 150


def write_report(found: Calibration, folder: Path, checkpoint: Path) -> Path:
    """Write ``calibration.csv``, ``figures``, ``report.html`` and ``report.md``.

    Args:
        found: a calibration.
        folder: existing folder that the files are written to.
        checkpoint: the checkpoint that contains it.

    Returns:
        The HTML file.
    """
    write_csv(calibration_table(found), folder / TABLE)
    title = f"Calibration of {found.trained.source}"
    blocks: list[Block] = [Heading(title, 1), Paragraph(f"Calibrated checkpoint: {checkpoint}")]
    blocks += [*map(Paragraph, remarks(found)), *_metrics(found)]
    for name, each in found.tasks.items():
        blocks.append(Section(name, in_words(found, name).removeprefix(f"{name}: ")))
        blocks += _figures(name, each, folder / "figures")
    return write_pages(blocks, folder, title)


def calibration_table(found: Calibration) -> DataFrame:
    """A table with a row for each metric of each task.

    Args:
        found: a calibration.

    Returns:
        Columns ``task``, ``metric``, ``before``, ``after`` (None if a task has no such metric
        without a calibration) and ``n``, the number of labels.
    """
    rows = [
        {
            "task": name,
            "metric": metric,
            "before": each.before.metrics.get(metric),
            "after": each.after.metrics.get(metric),
            "n": each.shown,
        }
        for name, each in found.tasks.items()
        for metric in NAMES
        if metric in each.after.metrics
    ]
    return DataFrame(rows, columns=["task", "metric", "before", "after", "n"])


def _metrics(found: Calibration) -> Iterator[Block]:
    shown = (found.show or found.fit).in_sentence
    yield Section("Metrics", f"Fitted to {found.fit.in_sentence}, shown on {shown}.")
    rows = [
        [row.task, NAMES[row.metric], _number(row.before), _number(row.after), f"{row.n:,}"]
        for row in calibration_table(found).itertuples()
    ]
    yield Table(["task", "metric", "before", "after", "labels"], rows)


def _number(value: float | None) -> str:
    return "" if value is None or value != value else f"{value:.4g}"


def _figures(name: str, each: CalibratedTask, folder: Path) -> Iterator[Figure]:
    both = {"before": each.before, "after": each.after}
    if isinstance(each.task, Classification) and each.shown:
        curves = {w: reliability_of(one.prediction, one.target) for w, one in both.items()}
        path = folder / f"{name}.reliability.png"
        if save_drawing(partial(draw_reliability, name, curves), path, DPI):
            yield Figure(path, f"{name}: how often the chosen class is right, by its probability")
    found = {
        what: rejection_of(each.task, one.prediction, one.uncertainty, one.target)
        for what, one in both.items()
    }
    known = {what: curve for what, curve in found.items() if curve is not None}
    path = folder / f"{name}.rejection.png"
    if known and save_drawing(partial(draw_rejection, name, known), path, DPI):
        yield Figure(path, f"{name}: without the predictions that are least certain")
