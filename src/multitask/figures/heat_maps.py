"""Heat maps: values of tasks over time, and of pairs of tasks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from matplotlib.figure import Figure
from torch import Tensor

CROWDED = 20
"""With more rows than this, rows and their names are smaller."""


@dataclass(frozen=True)
class HeatMap:
    """Rows of values over time.

    Args:
        title: what the values are.
        rows: a name for each row.
        values: shape ``[rows, times]``; NaN is left white.
        limits: ends of a colour scale of opposites; by default the values' own.
    """

    title: str
    rows: Sequence[str]
    values: Tensor
    limits: tuple[float, float] | None = None


def draw_heat_maps(times: Sequence[int], maps: Sequence[HeatMap]) -> Figure:
    """Draw heat maps one below the other, over the same time.

    Args:
        times: of the columns, in batches, increasing.
        maps: what to draw.
    """
    heights = [0.6 + _row_height(len(each.rows)) * len(each.rows) for each in maps]
    figure = Figure(figsize=(7, 0.6 + sum(heights)), layout="constrained")
    rows = figure.subplots(len(maps), sharex=True, squeeze=False, height_ratios=heights)
    last = times[-1] - times[-2] if len(times) > 1 else 1
    edges = [*times, times[-1] + last]
    for axes, each in zip(rows[:, 0], maps, strict=True):
        low, high = each.limits or (None, None)
        colors = "RdBu" if each.limits else "viridis"
        sides = range(len(each.rows) + 1)
        mesh = axes.pcolormesh(edges, sides, each.values.numpy(), cmap=colors, vmin=low, vmax=high)
        size = _font_size(len(each.rows))
        axes.set_yticks([row + 0.5 for row in range(len(each.rows))], each.rows, fontsize=size)
        axes.invert_yaxis()
        axes.set_title(each.title, fontsize=9)
        figure.colorbar(mesh, ax=axes)
    rows[-1, 0].set_xlabel("batch")
    return figure


def draw_pairs(names: Sequence[str], cosines: Tensor, rates: Tensor) -> Figure:
    """Draw all pairs of tasks as one matrix: cosines above the diagonal, conflicts below it.

    Args:
        names: of the tasks.
        cosines: of each pair, in the order of ``itertools.combinations``; shape ``[pairs]``.
        rates: each pair's share of conflicts, from 0 to 1, same shape.
    """
    count = len(names)
    one, other = torch.triu_indices(count, count, 1)
    above, below = torch.full((2, count, count), torch.nan)
    above[one, other], below[other, one] = cosines.float(), rates.float()
    side = 1.5 + _row_height(count) * count
    figure = Figure(figsize=(side + 1.5, side), layout="constrained")
    axes = figure.subplots()
    most = float(above.nan_to_num().abs().max()) or 1.0
    scales = (("RdBu", -most, most, "mean cosine"), ("Oranges", 0.0, 1.0, "share of conflicts"))
    for values, (colors, low, high, title) in zip((above, below), scales, strict=True):
        image = axes.imshow(values.numpy(), cmap=colors, vmin=low, vmax=high)
        figure.colorbar(image, ax=axes, label=title, shrink=0.7)
    axes.set_xticks(range(count), names, fontsize=_font_size(count), rotation=90)
    axes.set_yticks(range(count), names, fontsize=_font_size(count))
    axes.set_title("cosine above the diagonal, conflicts below", fontsize=9)
    return figure


def _row_height(rows: int) -> float:
    return 0.25 if rows <= CROWDED else 0.12


def _font_size(rows: int) -> float:
    return 7 if rows <= CROWDED else 5
