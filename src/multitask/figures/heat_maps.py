"""Heat maps: values of tasks over time, and of pairs of tasks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from matplotlib.figure import Figure
from torch import Tensor

from multitask.figures.saving import MOST_LETTERS

CROWDED, MOST_TASKS = 20, 60
"""With more rows than these, rows and their names become smaller, and then some are omitted."""
SMALLEST = 1.8
"""Side of a matrix of few tasks, in inches."""


@dataclass(frozen=True)
class HeatMap:
    """Rows of values over time.

    Args:
        title: description of the values.
        rows: a name for each row.
        values: shape ``[rows, times]``; NaN is left white.
        limits: limits of a diverging colour scale; default: those of the values.
    """

    title: str
    rows: Sequence[str]
    values: Tensor
    limits: tuple[float, float] | None = None


def draw_heat_maps(times: Sequence[int], maps: Sequence[HeatMap]) -> Figure:
    """Draw heat maps below each other, over the same time axis.

    Args:
        times: times of the columns, in batches, increasing.
        maps: the heat maps.
    """
    maps = [_fewer(each) for each in maps]
    heights = [0.7 + _row_height(len(each.rows)) * len(each.rows) for each in maps]
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


def _fewer(each: HeatMap) -> HeatMap:
    """Keep only the rows that change most if there are too many."""
    count = len(each.rows)
    if count <= MOST_TASKS:
        return each
    values = each.values.nan_to_num(0.0)
    order = (values.amax(1) - values.amin(1)).sort(descending=True, stable=True).indices
    shown = order[:MOST_TASKS].sort().values.tolist()
    title = f"{each.title}\nthe {len(shown)} of {count} that change most"
    rows = [each.rows[place] for place in shown]
    return replace(each, title=title, rows=rows, values=each.values[shown])


def draw_pairs(
    names: Sequence[str], cosines: Tensor, rates: Tensor, seen: Tensor | None = None
) -> Figure:
    """Draw all pairs of tasks as one matrix: cosines above the diagonal, conflicts below.

    With more than 60 tasks, only those of the most conflicting pairs are drawn.

    Args:
        names: names of the tasks.
        cosines: cosine of each pair, in the order of ``itertools.combinations``; shape ``[pairs]``.
        rates: each pair's conflict rate, from 0 to 1, same shape.
        seen: number of batches in which each pair was compared, same shape.
    """
    count = len(names)
    one, other = torch.triu_indices(count, count, 1)
    above, below = torch.full((2, count, count), torch.nan)
    above[one, other], below[other, one] = cosines.float(), rates.float()
    shown = _most_conflicting(count, one, other, rates)
    above, below = (each[shown][:, shown] for each in (above, below))
    labels = [names[place] for place in shown]
    size = _font_size(len(shown))
    # Few tasks get larger cells. Letters are two thirds as wide as they are high.
    cell = max(_row_height(len(shown)), SMALLEST / max(len(shown), 1))
    room = min(max(map(len, labels), default=0), MOST_LETTERS) * size / 108
    side = cell * len(shown) + room
    figure = Figure(figsize=(side + 2.8, side + 1.0), layout="constrained")
    axes = figure.subplots()
    # The same limits in every run, so that figures can be compared.
    scales = (("RdBu", -1.0, 1.0, "mean cosine"), ("Oranges", 0.0, 1.0, "share of conflicts"))
    for values, (colors, low, high, title) in zip((above, below), scales, strict=True):
        image = axes.imshow(values.numpy(), cmap=colors, vmin=low, vmax=high)
        figure.colorbar(image, ax=axes, label=title, shrink=0.7)
    rotation = 90 if room > cell else 0
    axes.set_xticks(range(len(labels)), labels, fontsize=size, rotation=rotation)
    axes.set_yticks(range(len(labels)), labels, fontsize=size)
    of = "" if len(shown) == count else f"\nthe {len(shown)} of {count} tasks that conflict most"
    batches = f"\n{counted(seen)}" if seen is not None else ""
    axes.set_title(f"above: cosine, below: share of conflicts{batches}{of}", fontsize=9)
    return figure


def counted(seen: Tensor) -> str:
    """Describe in how many batches pairs were compared, such as ``3 to 40 batches``.

    Args:
        seen: number of batches for each pair.
    """
    low, high = (int(seen.min()), int(seen.max())) if len(seen) else (0, 0)
    number = f"{high:,}" if low == high else f"{low:,} to {high:,}"
    return f"{number} batch{'es' * (high != 1)}"


def _most_conflicting(count: int, one: Tensor, other: Tensor, rates: Tensor) -> list[int]:
    if count <= MOST_TASKS:
        return list(range(count))
    worst = torch.full((count,), -1.0)
    for ends in (one, other):
        worst.scatter_reduce_(0, ends, rates.float().nan_to_num(-1.0), "amax")
    # A stable sort, so that the first of equal pairs is chosen on every machine.
    order = worst.sort(descending=True, stable=True).indices[:MOST_TASKS]
    return order.sort().values.tolist()


def _row_height(rows: int) -> float:
    return 0.25 if rows <= CROWDED else 0.12


def _font_size(rows: int) -> float:
    return 7 if rows <= CROWDED else 5
