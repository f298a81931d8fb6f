"""The figures of a study's report."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from multitask.figures.epochs import Curve, mean_curve, read_curves
from multitask.figures.saving import save_drawing
from multitask.pages.blocks import Figure as FigureBlock
from multitask.runs.loggers import METRICS
from multitask.study.comparison import affinities, lookahead, scores
from multitask.study.plan import SINGLE_TASK
from multitask.study.results import Results
from multitask.study.statistics import means_in_words, pareto

MOST_PAIRS = 12
MOST_PANELS = 40
"""Most panels of learning curves."""
MOST_CELLS = 15
"""A matrix of more tasks than this has no numbers."""


def draw(results: Results, folder: Path) -> dict[str, FigureBlock]:
    """Draw all figures for which there are data.

    Args:
        results: results of the study.
        folder: folder that the PNG files are written to.

    Returns:
        The figures with their captions, by name: ``delta_m``, ``trade_off``, ``learning``,
        ``gradients``, ``affinity`` and ``lookahead``. Figures that could not be drawn are included,
        and a page reports them.
    """
    drawn: dict[str, tuple[str, Callable[[Results], Figure | None]]] = {
        "delta_m": (f"Delta-m by method, {means_in_words(results.study.seeds)}", _delta_m),
        "trade_off": (
            "Test metrics of two tasks, one point per method; on the line no other method is "
            "better in both",
            _trade_off,
        ),
        "learning": (
            "Validation metrics during training, mean over seeds as long as all of them were "
            "trained; faint lines are single seeds",
            _learning,
        ),
        "gradients": (
            "Cosine of two tasks' gradients, and ratio of the largest norm to the smallest, during "
            "training; mean over seeds as long as all of them were trained; faint lines are single "
            "seeds",
            _gradients,
        ),
        "affinity": (
            "Change of a task (row), in percent of the single-task result, if another (column) is "
            "trained alongside it",
            lambda results: _matrix(affinities(results)),
        ),
        "lookahead": (
            "Estimate of the same in one run: by how much, in percent, a step for one task "
            "(column) lowers another's training loss (row)",
            lambda results: _matrix(lookahead(results)),
        ),
    }
    found = {}
    for name, (caption, make) in drawn.items():
        path = folder / f"{name}.png"
        if save_drawing(partial(make, results), path, dpi=120):
            found[name] = FigureBlock(path, caption)
    return found


def _delta_m(results: Results) -> Figure | None:
    table = scores(results).drop(index=SINGLE_TASK, errors="ignore").dropna(subset="delta_m")
    if table.empty:
        return None
    figure = Figure(figsize=(7, 0.8 + 0.4 * len(table)), layout="constrained")
    axes = figure.subplots()
    colors = _colors(results)
    places = np.arange(len(table))[::-1]
    axes.barh(
        places,
        table["delta_m"],
        xerr=table["delta_m ±"].fillna(0),
        color=[colors[each] for each in table.index],
        capsize=3,
    )
    axes.set_yticks(places, list(table.index))
    axes.axvline(0, color="black", linewidth=0.8)
    axes.set_xlabel("Delta-m, % (above 0: better than alone)")
    return figure


def _trade_off(results: Results) -> Figure | None:
    pairs = list(combinations(results.tasks, 2))[:MOST_PAIRS]
    if not pairs:
        return None
    table, colors = scores(results), _colors(results)
    figure, grid = _grid(len(pairs))
    for axes, (one, other) in zip(grid, pairs, strict=False):
        both = table[[one, other]].dropna()
        directions = [results.higher_is_better[task] for task in (one, other)]
        best = both[pareto(both, directions)].sort_values(one)
        axes.plot(best[one], best[other], color="0.6", linewidth=1, zorder=1)
        for method in both.index:
            bars = [table.loc[method, f"{task} ±"] for task in (one, other)]
            axes.errorbar(
                both.loc[method, one],
                both.loc[method, other],
                xerr=np.nan_to_num(bars[0]),
                yerr=np.nan_to_num(bars[1]),
                fmt="o",
                color=colors[method],
                markersize=5,
                elinewidth=0.7,
                label=method,
            )
        axes.set_xlabel(_label(results, one))
        axes.set_ylabel(_label(results, other))
    _legend(figure, grid)
    return figure


def _learning(results: Results) -> Figure | None:
    tasks = results.tasks[:MOST_PANELS]
    figure, grid = _grid(len(tasks))
    colors, found = _colors(results), False
    for axes, task in zip(grid, tasks, strict=False):
        name = f"val/{task}/{results.metrics[task]}"
        for method in results.methods:
            part = task if method == SINGLE_TASK else ""
            curves = _curves(results, method, part, [name])[name]
            found |= bool(curves)
            _plot_mean(axes, curves, colors[method], method)
        axes.set(title=_label(results, task), xlabel="epoch")
    _legend(figure, grid)
    return figure if found else None


def _gradients(results: Results) -> Figure | None:
    pairs = list(combinations(results.tasks, 2))[: MOST_PAIRS - 1]
    if not pairs:
        return None
    figure, grid = _grid(len(pairs) + 1)
    colors, found = _colors(results), False
    norms = [f"gradients/{task}/norm" for task in results.tasks]
    cosines = [f"gradients/{one}-{other}/cosine" for one, other in pairs]
    batches = dict.fromkeys(cosines, 0)
    for method in results.methods:
        if method == SINGLE_TASK:
            continue
        curves = _curves(results, method, "", [*norms, *cosines])
        for axes, name in zip(grid, cosines, strict=False):
            found |= bool(curves[name])
            batches[name] += sum(len(each.epochs) for each in curves[name])
            _plot_mean(axes, curves[name], colors[method], method)
        if (ratio := _ratio([curves[name] for name in norms])) is not None:
            grid[len(pairs)].semilogy(ratio.epochs, ratio.values, color=colors[method])
    for axes, name, (one, other) in zip(grid, cosines, pairs, strict=False):
        axes.set(title=f"cosine: {one}, {other}\n{batches[name]:,} batches", xlabel="epoch")
        axes.set_ylim(-1, 1)
        axes.axhline(0, color="0.7", linewidth=0.7)
    grid[len(pairs)].set(title="largest norm / smallest", xlabel="epoch")
    _legend(figure, grid)
    return figure if found else None


def _plot_mean(axes: Axes, curves: Sequence[Curve], color: Any, method: str) -> None:
    """Draw the mean over seeds, as far as all seeds reach, and each seed's curve faintly."""
    for each in curves if len(curves) > 1 else ():
        faint = {"color": color, "linewidth": 0.6, "alpha": 0.35, "markersize": 3}
        axes.plot(each.epochs, each.values, marker=_marker(each), **faint)
    if (mean := mean_curve(curves)) is not None:
        axes.plot(mean.epochs, mean.values, color=color, label=method, marker=_marker(mean))


def _marker(curve: Curve) -> str | None:
    # A line with a single validation would be invisible.
    return "o" if len(curve.epochs) == 1 else None


def _ratio(norms: Sequence[Sequence[Curve]]) -> Curve | None:
    """The largest of the tasks' norms divided by the smallest, each averaged over seeds."""
    means = [mean for each in norms if (mean := mean_curve(each)) is not None]
    if len(means) < 2:
        return None
    points = means[0].epochs
    values = [np.interp(points, each.epochs, each.values) for each in means]
    return Curve(points, np.max(values, axis=0) / np.min(values, axis=0))


def _matrix(table: pd.DataFrame) -> Figure | None:
    if table.isna().all(axis=None):
        return None
    most = float(np.nanmax(np.abs(table)))
    values = table.to_numpy(float)
    is_large = len(table) > MOST_CELLS
    side = 0.16 if is_large else 0.8
    size = (2.0 + side * len(table), 1.2 + side * len(table))
    figure = Figure(figsize=size, layout="constrained")
    axes = figure.subplots()
    shown = axes.imshow(values, cmap="RdYlGn", vmin=-most, vmax=most)
    font: dict[str, Any] = {"fontsize": 6} if is_large else {}
    turned: dict[str, Any] = {"rotation": 90} if is_large else {"rotation": 45, "ha": "right"}
    axes.set_xticks(range(len(table)), table.columns, **turned, **font)
    axes.set_yticks(range(len(table)), table.index, **font)
    for row, column in np.ndindex(table.shape) if not is_large else ():
        value = table.iloc[row, column]
        if value == value:
            axes.text(column, row, f"{value:+.2g}", ha="center", va="center")
    figure.colorbar(shown, label="%")
    return figure


def _curves(
    results: Results, method: str, part: str, names: Sequence[str]
) -> dict[str, list[Curve]]:
    """By metric, one curve for each seed that has one."""
    runs = results.runs
    rows = runs[(runs["method"] == method) & (runs["part"] == part) & (runs["folder"] != "")]
    each = [read_curves(Path(folder) / METRICS, names) for folder in rows["folder"]]
    return {name: [of_run[name] for of_run in each if name in of_run] for name in names}


def _grid(count: int) -> tuple[Figure, list[Axes]]:
    columns = min(count, 4)
    lines = -(-count // columns)
    # A single panel is as wide as two, so that the legend fits.
    size = (3.3 * max(columns, 2), 2.7 * lines + 0.6)
    figure = Figure(figsize=size, layout="constrained")
    grid = list(figure.subplots(lines, columns, squeeze=False).flat)
    for axes in grid[count:]:
        axes.set_visible(False)
    return figure, grid


def _legend(figure: Figure, grid: Sequence[Axes]) -> None:
    entries: dict[str, Any] = {}
    for axes in grid:
        for handle, label in zip(*axes.get_legend_handles_labels(), strict=True):
            entries.setdefault(label, handle)
    if entries:
        figure.legend(
            list(entries.values()),
            list(entries.keys()),
            loc="outside lower center",
            ncols=4,
            frameon=False,
            fontsize="small",
        )


def _colors(results: Results) -> dict[str, tuple[float, ...]]:
    palette = colormaps["tab10"] if len(results.methods) <= 10 else colormaps["tab20"]
    return {method: palette(place % palette.N) for place, method in enumerate(results.methods)}


def _label(results: Results, task: str) -> str:
    arrow = "↑" if results.higher_is_better[task] else "↓"
    return f"{task} {results.metrics[task]} {arrow}"
