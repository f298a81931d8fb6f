"""Report of an evaluation: a folder with tables, figures and a page."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from math import nan
from pathlib import Path

from matplotlib.figure import Figure as Drawing
from torch import Tensor

from multitask.after.evaluating.comparison import Change
from multitask.after.evaluating.evaluation import Results
from multitask.after.evaluating.evaluation_report import report_blocks
from multitask.after.evaluating.evaluation_tables import (
    differences_table,
    metrics_table,
    predictions_table,
)
from multitask.figures.drawing import draw_task
from multitask.figures.headlines import draw_headlines, lowest
from multitask.figures.rejection import draw_rejection, rejection_of
from multitask.figures.reliability import draw_reliability, reliability_of
from multitask.figures.saving import save_drawing
from multitask.pages.blocks import Figure
from multitask.pages.report import write_pages
from multitask.pages.spreadsheet import write_csv
from multitask.tasks import Classification
from multitask.tasks.naming import element_names

METRICS, PREDICTIONS, DIFFERENCES = "metrics.csv", "predictions.csv", "differences.csv"
RELIABILITY, REJECTION = "reliability", "rejection"
"""Names of further figures of a task, after its name and a dot."""
MOST_TASKS = 12
DPI = 150


def write_evaluation(
    results: Results, folder: Path, changes: Sequence[Change] = (), other: str = ""
) -> Path:
    """Write ``metrics.csv``, ``predictions.csv``, figures, ``report.html`` and ``report.md``.

    Args:
        results: results of an evaluation.
        folder: existing folder that the files are written to.
        changes: differences from another model, which are written to ``differences.csv``.
        other: file of that model.

    Returns:
        The HTML file, which is self-contained.
    """
    write_csv(metrics_table(results), folder / METRICS)
    write_csv(predictions_table(results), folder / PREDICTIONS)
    if len(results.samples.skipped):
        write_csv(results.samples.skipped, folder / "skipped.csv")
    if changes:
        write_csv(differences_table(list(changes)), folder / DIFFERENCES)
    figures = {
        **_figures(results, folder / "figures"),
        **_of_certainty(results, folder / "figures"),
    }
    blocks = report_blocks(results, figures, changes, other)
    return write_pages(blocks, folder, f"Evaluation: {results.samples.title}")


def _figures(results: Results, folder: Path) -> dict[str, Figure]:
    heads = {name: results.contributions.get(name, nan) for name in results.named_tasks}
    found: dict[str, Figure] = {}
    for name in lowest(heads, MOST_TASKS):
        if results.tasks[name].labelled and isinstance(results.tasks[name].predictions, Tensor):
            path = folder / f"{name}.png"
            if save_drawing(partial(_drawn, results, name), path, DPI):
                found[name] = Figure(path, f"{name}: predictions and targets")
    if len(heads) > MOST_TASKS:
        words = {name: _headline(results, name) for name in results.named_tasks}
        save_drawing(partial(draw_headlines, "evaluation", heads, words), folder / "tasks.png", DPI)
    return found


def _of_certainty(results: Results, folder: Path) -> dict[str, Figure]:
    """Figures of reliability, and of quality without the least certain samples."""
    found: dict[str, Figure] = {}
    heads = {name: results.contributions.get(name, nan) for name in results.named_tasks}
    for name in lowest(heads, MOST_TASKS):
        each, task = results.tasks[name], results.named_tasks[name]
        if not each.labelled or not isinstance(each.predictions, Tensor):
            continue
        if isinstance(task, Classification) and each.predictions.ndim == 2:
            curve = {"": reliability_of(each.predictions, each.targets)}
            path = folder / f"{name}.{RELIABILITY}.png"
            if save_drawing(partial(draw_reliability, name, curve), path, DPI):
                words = f"{name}: how often the chosen class is right, by its probability"
                found[f"{name}.{RELIABILITY}"] = Figure(path, words)
        kept = rejection_of(task, each.predictions, each.uncertainty, each.targets)
        path = folder / f"{name}.{REJECTION}.png"
        if kept and save_drawing(partial(draw_rejection, name, {"": kept}), path, DPI):
            words = f"{name}: without the predictions that are least certain"
            found[f"{name}.{REJECTION}"] = Figure(path, words)
    return found


def _headline(results: Results, name: str) -> str:
    metric = results.named_tasks[name].headline
    found = results.tasks[name].estimates.get(metric or "")
    return "unknown" if found is None else f"{metric} {found.value:.3g}"


def _drawn(results: Results, name: str) -> Drawing | None:
    found = results.tasks[name]
    values = {metric: each.value for metric, each in found.estimates.items() if metric != "loss"}
    task = results.named_tasks[name]
    elements = element_names(task, results.samples.elements.get(name))
    return draw_task(name, task, found.predictions, found.targets, values, elements)
