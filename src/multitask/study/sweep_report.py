"""The report of a sweep: its trials by validation score, followed by a study's report."""

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
from multitask.pages.blocks import Block, Code, Paragraph, Section, Table, Text
from multitask.pages.blocks import Figure as FigureBlock
from multitask.pages.spreadsheet import write_csv
from multitask.pages.words import counted, listed
from multitask.study.numbers import number, with_interval
from multitask.study.report import write_report
from multitask.study.statistics import seed_interval
from multitask.study.sweep import Sweep, ranked, shortened

MOST_METHODS = 20
"""Most trials that are drawn and compared; the first table has all."""
MOST_LETTERS = 24
"""Most characters of a label in a figure, counted from its end."""
WIDE = 30.0
"""If a parameter's largest value is this many times its smallest, its axis is logarithmic."""


def write_sweep_report(sweep: Sweep, folder: Path) -> Path:
    """Write the report, its figures, and its tables as CSV.

    Args:
        sweep: results of the trials.
        folder: folder that it is written to.

    Returns:
        The HTML file, which is self-contained.
    """
    (folder / "figures").mkdir(parents=True, exist_ok=True)
    write_csv(sweep.trials, folder / "trials.csv")
    order = list(ranked(sweep).index)
    scores = sweep.results.scores
    best = scores[scores["method"].isin(order[:MOST_METHODS])]
    # By rank, best first.
    best = best.sort_values("method", key=lambda names: names.map(order.index), kind="stable")
    study = copy(sweep.results.study)
    study.comparisons = [pair for pair in study.comparisons if pair[0] in order[:MOST_METHODS]]
    shown = dataclasses.replace(sweep.results, study=study, scores=best)
    return write_report(shown, folder, sweep.commands, list(_opening(sweep, folder)))


def _opening(sweep: Sweep, folder: Path) -> Iterator[Block]:
    table = ranked(sweep)
    yield Section("Validation scores", _best(table))
    rows = []
    for method, row in table.iterrows():
        values = sweep.trials.loc[sweep.trials["method"] == method, "val/score"]
        rows.append([str(method), with_interval(*seed_interval(values)), f"{row['seeds']:.0f}"])
    yield Table(["settings", "val/score ↑", "seeds"], rows)
    yield Paragraph(
        (
            "The best ",
            Code("val/score"),
            " of each run, mean over seeds. The best of many such scores is too optimistic: what "
            "to expect of it is below, from the test set. ",
            Code("trials.csv"),
            " contains every run.",
        )
    )
    path = folder / "figures" / "parameters.png"
    if save_drawing(partial(draw_parameters, sweep), path, dpi=120):
        yield Section("Scores by parameter", _best_run(sweep))
        yield FigureBlock(path, "val/score by parameter")
        yield Paragraph("One point per run; the other parameters vary along an axis.")
    if len(rows) > MOST_METHODS:
        yield Paragraph(f"Below are the {MOST_METHODS} best of {len(rows)}.")


def _best(table: pd.DataFrame) -> Text:
    if table.empty:
        return "No run has a validation score."
    score, best = table["val/score"], str(table.index[0])
    text = f"{best} has the best: {with_interval(score.iloc[0], float('nan'))}"
    if len(table) == 1:
        return f"{text}; there is nothing to compare it with."
    ahead = score.iloc[0] - score.iloc[1]
    few = "" if table["seeds"].iloc[0] > 1 else ", of one seed"
    return f"{text}{few}, {number(ahead)} ahead of the next, {table.index[1]}."


def _best_run(sweep: Sweep) -> Text:
    trials = sweep.trials.dropna(subset="val/score")
    if trials.empty:
        return "No run has a validation score."
    best = trials.iloc[0]
    given = [
        f"{name} = {shortened({best[name]})[best[name]]}" for name in sweep.parameters if best[name]
    ]
    settings = listed(given) if given else "the settings of the file"
    return f"The best of {counted(len(trials), 'run')} had {settings}."


def draw_parameters(sweep: Sweep) -> Figure | None:
    """Draw the score of each trial against each parameter.

    Args:
        sweep: results of the trials.

    Returns:
        A panel for each parameter; None without parameters.
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
