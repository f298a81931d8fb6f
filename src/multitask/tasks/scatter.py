"""Scatter plot of predicted numbers over true ones."""

from __future__ import annotations

from typing import TYPE_CHECKING

from torch import Tensor

from multitask import missing_labels

if TYPE_CHECKING:
    from matplotlib.axes import Axes

CROWDED = 3000
"""Number of points above which a scatter plot hides their density."""


def draw_scatter(axes: Axes, prediction: Tensor, target: Tensor, unit: str = "") -> None:
    """Draw a point for each known target, and the line of equality.

    Args:
        axes: where to draw.
        prediction: any shape; values that are not finite are skipped.
        target: same shape, NaN where missing.
        unit: unit of both.
    """
    shown = missing_labels.known(target) & prediction.isfinite()
    true, predicted = target[shown].float().numpy(), prediction[shown].float().numpy()
    if len(true) > CROWDED:
        axes.hexbin(true, predicted, gridsize=40, bins="log", mincnt=1, cmap="Blues")
    else:
        axes.scatter(true, predicted, s=6, alpha=0.5, lw=0)
    if len(true):
        ends = [float(true.min()), float(true.max())]
        axes.plot(ends, ends, color="black", lw=0.8, zorder=3)
    words = f" ({unit.strip()})" if unit.strip() else ""
    axes.set(xlabel=f"true{words}", ylabel=f"predicted{words}")
