"""The report of a study that was repeated with other settings."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from multitask.figures.saving import save_drawing
from multitask.pages.blocks import (
    Block,
    Bullets,
    Code,
    Heading,
    Link,
    Paragraph,
    Section,
    Text,
    joined,
)
from multitask.pages.blocks import Figure as FigureBlock
from multitask.pages.report import REPORT, write_pages
from multitask.pages.spreadsheet import write_csv
from multitask.pages.words import in_words, listed
from multitask.study.plan import Study
from multitask.study.results import Results
from multitask.study.statistics import means_in_words, seed_interval


def write_variation(
    study: Study, found: Mapping[str, Results], folder: Path, further: Sequence[Block] = ()
) -> Path:
    """Draw each task's metric over the repetitions, and link to their reports.

    Args:
        study: the study.
        found: results by the repetition's name.
        folder: folder of the study.
        further: sections that come last.

    Returns:
        The HTML file.
    """
    with_results = {name: results for name, results in found.items() if results.methods}
    table = pd.DataFrame(_rows(with_results))
    folder.mkdir(parents=True, exist_ok=True)
    write_csv(table, folder / "variation.csv")
    blocks: list[Block] = [
        Heading(study.name, 1),
        Section("Settings", f"The study was repeated {_times(len(found))} other settings."),
        Bullets([_repetition(study, name, results) for name, results in found.items()]),
    ]
    for task in dict.fromkeys(table["task"]) if len(table) else []:
        results = next(iter(with_results.values()))
        arrow = "↑" if results.higher_is_better[task] else "↓"
        title = f"{task} {results.metrics[task]} {arrow}"
        path = folder / f"{task}.png"
        save_drawing(partial(_draw, table[table["task"] == task], title), path, dpi=120)
        answer = _best(table[table["task"] == task], results.higher_is_better[task])
        blocks += [
            Section(f"{task} {results.metrics[task]}", answer),
            FigureBlock(path, title),
            Paragraph(f"{means_in_words(study.seeds).capitalize()}."),
        ]
    return write_pages([*blocks, *further], folder, study.name)


def _repetition(study: Study, name: str, results: Results) -> Text:
    settings = joined(Code(f"{key}: {value}") for key, value in study.vary[name].items())
    place = results.study.name.split("/")[-1]
    return (Link(name, PurePosixPath(place, REPORT)), ": ", *settings)


def _times(count: int) -> str:
    return "once, with" if count == 1 else f"{in_words(count)} times, each time with"


def _best(table: pd.DataFrame, higher_is_better: bool) -> str:
    """The best method of each repetition, by its mean."""
    means = table.assign(mean=table["mean"] * (1 if higher_is_better else -1))
    best = means.loc[means.groupby("variation", sort=False)["mean"].idxmax()]
    repetitions = best.groupby("method", sort=False)["variation"].agg(list)
    if len(repetitions) == 1 and len(best) > 1:
        return f"{repetitions.index[0]} has the best mean in every repetition."
    return f"{'; '.join(f'{each} is best with {listed(w)}' for each, w in repetitions.items())}."


def _rows(found: Mapping[str, Results]) -> Iterator[dict[str, Any]]:
    for name, results in found.items():
        for method in results.methods:
            for task in results.tasks:
                mean, half = seed_interval(results.values(method, task))
                if mean == mean:
                    row = {"variation": name, "method": method, "task": task}
                    yield {**row, "mean": mean, "±": half}


def _draw(table: pd.DataFrame, title: str) -> Figure:
    figure = Figure(figsize=(6, 4), layout="constrained")
    axes = figure.subplots()
    values = list(dict.fromkeys(table["variation"]))
    for method, rows in table.groupby("method", sort=False):
        places = [values.index(value) for value in rows["variation"]]
        axes.errorbar(
            places, rows["mean"], yerr=np.nan_to_num(rows["±"]), label=method, capsize=3, marker="o"
        )
    axes.set_xticks(range(len(values)), values)
    axes.set_ylabel(title)
    axes.legend(frameon=False)
    return figure
