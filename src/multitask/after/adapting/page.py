"""The page on how well a run's encoder learns a new task from few labels."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from multitask.after.adapting.adaptation import LOSS, TRIVIAL, Adaptation
from multitask.after.adapting.tables import (
    adaptation_table,
    caption,
    cells,
    episodes_table,
    heads,
    write_json,
)
from multitask.figures.saving import save_drawing
from multitask.figures.shots import draw_shots
from multitask.pages.blocks import Block, Bullets, Figure, Heading, Paragraph, Section, Table
from multitask.pages.report import write_pages
from multitask.pages.spreadsheet import write_csv

CSV, EPISODES, JSON = "adaptation.csv", "episodes.csv", "adaptation.json"
DPI = 150
INTERVAL = (
    "± is half of the 95 % interval of the mean over the episodes, which draw other labels for the "
    "same network and the same query set. Networks trained with other seeds differ by more: to "
    "compare two ways to train, adapt runs of several seeds of each."
)


def write_adaptation(found: Adaptation, folder: Path) -> Path:
    """Write ``adaptation.csv``, ``episodes.csv``, ``adaptation.json``, a figure and the pages.

    Args:
        found: results of the adaptation.
        folder: existing folder that the files are written to.

    Returns:
        The HTML file, which is self-contained.
    """
    write_csv(adaptation_table(found), folder / CSV)
    write_csv(episodes_table(found), folder / EPISODES)
    write_json(found, folder / JSON)
    title = f"{found.new.name} from few labels"
    blocks: list[Block] = [Heading(title, 1), Paragraph(f"Model: {found.trained.source}")]
    return write_pages([*blocks, *_results(found, folder), *_how(found)], folder, title)


def best_in_words(found: Adaptation) -> str:
    """Name the learner with the best mean for each number of shots, in a sentence.

    Args:
        found: results of the adaptation.
    """
    sign = 1 if found.higher_is_better[found.headline] else -1
    told = []
    for shots in found.plan.shots:
        means = {
            each.name: sign * found.interval(each.name, shots, found.headline)[0]
            for each in found.learners.values()
        }
        known = {name: mean for name, mean in means.items() if mean == mean}
        best = max(known, key=lambda name: known[name]) if known else "none, as none is defined"
        told.append(f"k = {shots:,}: {best}")
    return f"Best mean {found.headline}: {'; '.join(told)}."


def _results(found: Adaptation, folder: Path) -> Iterator[Block]:
    yield Section(caption(found), best_in_words(found))
    yield Table(heads(found), cells(found))
    what = "labels of each class" if found.new.task.class_names else "samples"
    yield Paragraph(f"k is the number of {what}; {found.plan.episodes:,} episodes. {INTERVAL}")
    path = folder / "figures" / "shots.png"
    curves = {
        name: [found.interval(name, shots, found.headline) for shots in found.plan.shots]
        for name in found.names
    }
    draw = partial(draw_shots, found.plan.shots, curves, caption(found), what, TRIVIAL)
    if save_drawing(draw, path, DPI):
        yield Figure(path, f"{caption(found)} by the number of {what}, with 95 % intervals")
    others = [each for each in found.metrics if each not in (found.headline, LOSS)]
    for metric in others:
        yield Heading(metric, 3)
        yield Table(heads(found), cells(found, metric))


def _how(found: Adaptation) -> Iterator[Block]:
    yield Section("How it was measured", "Each learner gets the same support sets.")
    yield Bullets(found.remarks)
    # These descriptions follow the learners' docstrings, which are authoritative.
    yield Bullets([f"{each.name}: {_described(type(each))}" for each in found.learners.values()])


def _described(kind: type) -> str:
    text = (inspect.getdoc(kind) or "").split("\nArgs:")[0].split("\n\nArgs:")[0]
    return " ".join(text.split()).replace("`", "").replace("``", "")
