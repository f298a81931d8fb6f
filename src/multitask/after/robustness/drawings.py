"""Metrics against the size of an attack, and against the severity of corruptions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.figure import Figure as Drawing

from multitask.after.robustness.measurement import Measured, Robustness
from multitask.figures.saving import save_drawing
from multitask.pages.blocks import Figure
from multitask.robustness.attack import Attack
from multitask.robustness.corruptions import Corruption

DPI = 150
WIDTH, HEIGHT, COLUMNS = 4.2, 3.2, 3
MOST_TASKS = 12
AXES = {"inf": "largest change of a pixel (L-inf)", "2": "length of the change (L2)"}


def draw_robustness(found: Robustness, folder: Path) -> dict[str, Figure]:
    """Draw the figures of a report.

    Args:
        found: results of the measurement.
        folder: folder that they are written to.

    Returns:
        Figures by content: ``inf``, ``2`` and ``corruptions``, if available.
    """
    figures: dict[str, Figure] = {}
    for norm, name in (("inf", "attacks-inf.png"), ("2", "attacks-l2.png")):
        several = of_norm(found.attacked, norm)
        if several and save_drawing(partial(_attacks, found, several, norm), folder / name, DPI):
            caption = "Headline metrics under attack on all tasks; dotted, the trivial predictor"
            figures[norm] = Figure(folder / name, caption)
    path = folder / "corruptions.png"
    if found.corrupted and save_drawing(partial(_corruptions, found), path, DPI):
        figures["corruptions"] = Figure(
            path, "Headline metrics by kind and severity; dotted, the trivial predictor"
        )
    return figures


def of_norm(several: Sequence[Measured], norm: str) -> list[Measured]:
    """Results under attacks of a norm, by size."""
    return [
        each for each in several if isinstance(each.change, Attack) and each.change.norm == norm
    ]


def by_kind(several: Sequence[Measured]) -> Mapping[str, list[Measured]]:
    """Results on corrupted images by kind, each by severity."""
    found: dict[str, list[Measured]] = {}
    for each in several:
        if isinstance(each.change, Corruption):
            found.setdefault(each.change.kind, []).append(each)
    return found


def _attacks(found: Robustness, several: Sequence[Measured], norm: str) -> Drawing:
    sizes = [0.0, *(each.change.eps for each in several if isinstance(each.change, Attack))]
    figure, grid = _panels(len(found.tasks))
    for axes, task in zip(grid, found.tasks, strict=False):
        estimates = [found.estimate(each, task) for each in (found.clean, *several)]
        values = [each.value for each in estimates]
        axes.plot(sizes, values, marker="o", color="tab:blue")
        low, high = [each.low for each in estimates], [each.high for each in estimates]
        axes.fill_between(sizes, low, high, color="tab:blue", alpha=0.2, linewidth=0)
        _finish(axes, found, task, AXES[norm])
    return figure


def _corruptions(found: Robustness) -> Drawing:
    figure, grid = _panels(len(found.tasks))
    for axes, task in zip(grid, found.tasks, strict=False):
        for place, (kind, several) in enumerate(by_kind(found.corrupted).items()):
            values = [found.estimate(each, task).value for each in (found.clean, *several)]
            axes.plot(range(len(values)), values, marker=".", label=kind, color=f"C{place}")
        _finish(axes, found, task, "severity, 0 as they are")
    handles, labels = grid[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=4, fontsize=8, frameon=False)
    return figure


def _panels(tasks: int) -> tuple[Drawing, list[Axes]]:
    shown = min(tasks, MOST_TASKS)
    columns = min(COLUMNS, shown)
    lines = -(-shown // columns)
    figure = Drawing(figsize=(WIDTH * columns, HEIGHT * lines + 0.6), layout="constrained")
    grid = list(figure.subplots(lines, columns, squeeze=False).flat)
    for axes in grid[shown:]:
        axes.set_visible(False)
    return figure, grid[:shown]


def _finish(axes: Axes, found: Robustness, task: str, along: str) -> None:
    metric = found.headline(task)
    trivial = found.clean.results.tasks[task].trivial.get(metric)
    if trivial is not None and trivial == trivial:
        axes.axhline(trivial, color="0.5", linestyle=":", linewidth=1)
    arrow = "↑" if found.higher_is_better(task) else "↓"
    axes.set(title=task, xlabel=along, ylabel=f"{metric} {arrow}")
