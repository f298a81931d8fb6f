"""The report of a sweep: its trials by their validation score, then what a study's report says."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from copy import copy
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from multitask.figures.saving import save_drawing
from multitask.pages.blocks import Block, Code, Heading, Paragraph, Table
from multitask.pages.blocks import Figure as FigureBlock
from multitask.pages.spreadsheet import write_csv
from multitask.study.numbers import with_interval
from multitask.study.report import write_report
from multitask.study.statistics import seed_interval
from multitask.study.sweep import Sweep, ranked, shortened

MOST_METHODS = 20
"""No more are drawn and compared; all are in the first table."""
MOST_LETTERS = 24
"""Of a label in a figure, at its end."""
WIDE = 30.0
"""A parameter whose largest value is this many times the smallest has a logarithmic axis."""


def write_sweep_report(sweep: Sweep, folder: Path) -> Path:
    """Write the report, its figures, and its tables as CSV.

    Args:
        sweep: what the trials found.
        folder: where it goes.

    Returns:
        The HTML file, which needs no other file.
    """
    (folder / "figures").mkdir(parents=True, exist_ok=True)
    write_csv(sweep.trials, folder / "trials.csv")
    order = list(ranked(sweep).index)
    scores = sweep.results.scores
    best = scores[scores["method"].isin(order[:MOST_METHODS])]
    # By their rank, the best first.
    best = best.sort_values("method", key=lambda names: names.map(order.index), kind="stable")
    study = copy(sweep.results.study)
    study.comparisons = [pair for pair in study.comparisons if pair[0] in order[:MOST_METHODS]]
    shown = dataclasses.replace(sweep.results, study=study, scores=best)
    return write_report(shown, folder, sweep.commands, list(_opening(sweep, folder)))


def _opening(sweep: Sweep, folder: Path) -> Iterator[Block]:
    yield Heading("Validation score")
    rows = []
    for method, row in ranked(sweep).iterrows():
        values = sweep.trials.loc[sweep.trials["method"] == method, "val/score"]
        rows.append([str(method), with_interval(*seed_interval(values)), f"{row['seeds']:.0f}"])
    yield Table(["", "val/score ↑", "seeds"], rows)
    yield Paragraph(
        (
            "The best ",
            Code("val/score"),
            " of each run, mean over seeds. The best of many such scores is too good: what to "
            "expect of it is below, from the test set. ",
            Code("trials.csv"),
            " has every run.",
        )
    )
    path = folder / "figures" / "parameters.png"
    if save_drawing(partial(draw_parameters, sweep), path, dpi=120):
        yield FigureBlock(path, "val/score by parameter")
        yield Paragraph("A point for each run; the others' parameters differ along an axis.")
    if len(rows) > MOST_METHODS:
        yield Paragraph(f"Below are the {MOST_METHODS} best of {len(rows)}.")


def draw_parameters(sweep: Sweep) -> Figure | None:
    """Draw the score of each trial over each parameter.

    Args:
        sweep: what the trials found.

    Returns:
        A panel for each parameter; None where there is none.
    """
    trials = sweep.trials.dropna(subset="val/score")
    if not sweep.parameters:
        return None
    columns = min(len(sweep.parameters), 3)
    lines = -(-len(sweep.parameters) // columns)
    figure = Figure(figsize=(4 * columns, 3.2 * lines), layout="constrained")
    grid = list(figure.subplots(lines, columns, squeeze=False).flat)
    for axes, name in zip(grid, sweep.parameters, strict=False):
        _draw_parameter(axes, trials[name], trials["val/score"])
        axes.set(xlabel=name, ylabel="val/score")
    for axes in grid[len(sweep.parameters) :]:
        axes.set_visible(False)
    return figure


def _draw_parameter(axes: Axes, values: pd.Series[str], scores: pd.Series[float]) -> None:
    given = values != ""
    numbers = pd.to_numeric(values[given], errors="coerce")
    if numbers.notna().all():
        axes.plot(numbers, scores[given], "o", alpha=0.7)
        if numbers.min() > 0 and numbers.max() / numbers.min() >= WIDE:
            axes.set_xscale("log")
        return
    short = shortened(set(values))
    names = list(dict.fromkeys(values))
    axes.plot([names.index(value) for value in values], scores, "o", alpha=0.7)
    labels = [short[name][-MOST_LETTERS:] or "(as the file says)" for name in names]
    if len(names) > MOST_METHODS:
        labels = [""] * len(names)
    axes.set_xticks(np.arange(len(names)), labels, rotation=30, ha="right", fontsize="small")
    axes.margins(x=0.2)
