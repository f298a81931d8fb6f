"""Learning curves of a run: its metrics over epochs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import ceil

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from multitask.figures.epochs import Curve

MOST_PANELS, COLUMNS = 40, 4
WIDTH, HEIGHT = 2.7, 2.1
COLORS = {"train": "tab:blue", "val": "tab:orange"}
WORDS = {"train": "training", "val": "validation"}


def draw_learning_curves(curves: Mapping[str, Curve], names: Sequence[str]) -> Figure | None:
    """Draw a panel for each metric, with the training and the validation set.

    Args:
        curves: curves by full name, such as ``val/digit/accuracy``.
        names: metrics to draw, without the split, such as ``digit/accuracy``; if more than 40 have
            a curve, the first are drawn.

    Returns:
        The figure; None if no metric has a curve.
    """
    known = [name for name in names if any(f"{part}/{name}" in curves for part in COLORS)]
    shown = known[:MOST_PANELS]
    if not shown:
        return None
    columns = min(COLUMNS, len(shown))
    lines = ceil(len(shown) / columns)
    size = (WIDTH * max(columns, 2), HEIGHT * lines + 0.5)
    figure = Figure(figsize=size, layout="constrained")
    grid = list(figure.subplots(lines, columns, squeeze=False).flat)
    for axes, name in zip(grid, shown, strict=False):
        _draw(axes, name, curves)
    for axes in grid[len(shown) :]:
        axes.set_visible(False)
    handles = {handle.get_label(): handle for axes in grid for handle in axes.lines}
    figure.legend(
        list(handles.values()),
        list(handles),
        loc="outside lower center",
        ncols=2,
        frameon=False,
        fontsize=8,
    )
    if len(shown) < len(known):
        figure.suptitle(f"{len(shown)} of {len(known)} metrics", fontsize=9)
    return figure


def _draw(axes: Axes, name: str, curves: Mapping[str, Curve]) -> None:
    for part, color in COLORS.items():
        curve = curves.get(f"{part}/{name}")
        if curve is not None:
            # A line through a few points would hide how few there are.
            marker = "o" if len(curve.epochs) <= 12 else None
            axes.plot(
                curve.epochs,
                curve.values,
                color=color,
                label=WORDS[part],
                marker=marker,
                markersize=3,
                linewidth=1.2,
            )
    axes.set_title(name.replace("/", " ").replace("_", " "), fontsize=8, parse_math=False)
    axes.set_xlabel("epoch", fontsize=7)
    # A curve shorter than an epoch may need the same tick label twice.
    if axes.dataLim.width >= 1:
        axes.locator_params(axis="x", integer=True)
    axes.tick_params(labelsize=6)
