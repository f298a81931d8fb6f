"""Which parts of the model each task uses: before, during and after training."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import Tensor

from multitask.figures.fitting import wrapped
from multitask.pages.shown import shortened

MOST_PLACES, MOST_TASKS, MOST_PARTS = 6, 8, 12
"""With more than these, those whose shares change most are drawn."""
PANEL, CELL = 1.5, 0.34
"""Width of a panel over time, and side of a cell, in inches."""
LETTERS = 18
"""Most characters of a name beside a matrix; longer names are shortened in the middle."""


@dataclass(frozen=True)
class SharesOverTime:
    """The share of each part that each task used, at one place in the model.

    Args:
        name: name of the place, such as ``after stage 1``.
        parts: names of the parts.
        shares: shape ``[times, tasks, parts]``; NaN where unknown.
    """

    name: str
    parts: Sequence[str]
    shares: Tensor


def draw_mixing(
    times: Sequence[int], tasks: Sequence[str], places: Sequence[SharesOverTime]
) -> Figure:
    """Draw one row per place: the first matrix, lines over time for each task, the last matrix.

    With more than 6 places, 8 tasks or 12 parts of a place, those that change most are drawn. The
    names of parts have the colours of their lines.

    Args:
        times: times of the shares, in batches, increasing.
        tasks: names of the tasks.
        places: at least one place, from the inputs to the heads.
    """
    shown, rows, left_out = _changed_most(tasks, places)
    most_parts = max(len(place.parts) for place in rows)
    matrix, high = CELL * max(most_parts, 3), CELL * max(len(shown), 3)
    size = (2 * matrix + PANEL * len(shown) + 2.2, 0.5 + (high + 0.8) * len(rows))
    figure = Figure(figsize=size, layout="constrained")
    widths = [matrix, *([PANEL] * len(shown)), matrix]
    grid = figure.subplots(len(rows), len(widths), squeeze=False, width_ratios=widths)
    limits = _limits(rows)
    for axes, place in zip(grid, rows, strict=True):
        _draw_matrix(axes[0], place, 0, shown, limits)
        _draw_matrix(axes[-1], place, -1, shown, limits)
        for number, each in enumerate(axes[1:-1]):
            _draw_lines(each, times, place, number, limits)
        axes[0].set_ylabel(wrapped(place.name, high + 0.5, 8), fontsize=8)
    for each, title in zip(grid[0], ["at first", *shown, "in the end"], strict=True):
        each.set_title(wrapped(title, PANEL, 8), fontsize=8)
    for each in grid[-1, 1:-1]:
        each.set_xlabel("batch", fontsize=7)
    if left_out:
        figure.suptitle("\n".join(["those that change most:", *left_out]), fontsize=8)
    return figure


def _draw_matrix(
    axes: Axes, place: SharesOverTime, time: int, tasks: Sequence[str], limits: tuple[float, float]
) -> None:
    shares = place.shares[time]
    colors = "RdBu" if limits[0] < 0 else "Blues"
    # With values of both signs, 0 is white.
    end = max(map(abs, limits))
    low = -end if limits[0] < 0 else 0.0
    axes.imshow(shares.numpy(), cmap=colors, vmin=low, vmax=end)
    names = [shortened(each, LETTERS) for each in place.parts]
    axes.set_xticks(range(len(names)), names, fontsize=6, rotation=90)
    for label, color in zip(axes.get_xticklabels(), _colors(len(names)), strict=True):
        label.set_color(color)
    axes.set_yticks(range(len(tasks)), [shortened(each, LETTERS) for each in tasks], fontsize=6)
    for (row, column), share in np.ndenumerate(shares.numpy()):
        ink = "white" if abs(share) > 0.6 * end else "black"
        text = axes.text(column, row, _number(share), color=ink, fontsize=5.5)
        text.set(horizontalalignment="center", verticalalignment="center")


def _number(share: float) -> str:
    # No minus sign before values that are rounded to 0.
    return "?" if share != share else f"{round(float(share), 2) + 0.0:.2f}"


def _draw_lines(
    axes: Axes,
    times: Sequence[int],
    place: SharesOverTime,
    task: int,
    limits: tuple[float, float],
) -> None:
    lines = place.shares[:, task].T
    # A line through a few points would hide how few there are.
    marker = "o" if len(times) <= 12 else None
    for line, color in zip(lines, _colors(len(lines)), strict=True):
        axes.plot(times, line.numpy(), color=color, linewidth=1.1, marker=marker, markersize=2.5)
    room = 0.05 * (limits[1] - limits[0])
    axes.set_ylim(limits[0] - room, limits[1] + room)
    if len(times) > 1:
        axes.set_xlim(times[0], times[-1])
    axes.locator_params(axis="x", nbins=3, integer=True)
    axes.tick_params(labelsize=6, labelleft=task == 0)


def _limits(places: Sequence[SharesOverTime]) -> tuple[float, float]:
    """Limits of one scale for all places, with upper limit 1 unless all shares are small."""
    known = torch.cat([place.shares.flatten() for place in places])
    known = known[known.isfinite()]
    largest = float(known.abs().max()) if len(known) else 1.0
    return min([0.0, *known.tolist()]), max(largest, 1.0 if largest > 0.5 else 1e-3)


def _colors(count: int) -> list[tuple[float, float, float, float]]:
    """A colour for each part; more than ten differ in hue only."""
    if count <= 10:
        return [colormaps["tab10"](place) for place in range(count)]
    return [colormaps["turbo"](place / (count - 1)) for place in range(count)]


def _changed_most(
    tasks: Sequence[str], places: Sequence[SharesOverTime]
) -> tuple[list[str], list[SharesOverTime], list[str]]:
    """The tasks and places to draw, and a description of those omitted."""
    changes = [_range(place.shares) for place in places]
    of_tasks = torch.stack([change.amax(1) for change in changes]).amax(0)
    shown = _largest(of_tasks, MOST_TASKS)
    chosen = _largest(torch.stack([change.max() for change in changes]), MOST_PLACES)
    rows, parts = [], []
    for number in chosen:
        kept = _largest(changes[number].amax(0), MOST_PARTS)
        place = places[number]
        names = [place.parts[part] for part in kept]
        rows.append(replace(place, parts=names, shares=place.shares[:, shown][:, :, kept]))
        parts.append((len(kept), len(place.parts)))
    counts = {
        "places": (len(chosen), len(places)),
        "tasks": (len(shown), len(tasks)),
        "parts": max(parts, key=lambda pair: pair[1]),
    }
    left_out = [f"{few} of {all_} {what}" for what, (few, all_) in counts.items() if few < all_]
    return [tasks[task] for task in shown], rows, left_out


def _range(shares: Tensor) -> Tensor:
    known = shares.nan_to_num(torch.inf).amin(0), shares.nan_to_num(-torch.inf).amax(0)
    return (known[1] - known[0]).clamp_min(0.0)


def _largest(values: Tensor, most: int) -> list[int]:
    """Indices of the largest values, in their original order."""
    # A stable sort, so that the first of equal values is chosen on every machine.
    order = values.sort(descending=True, stable=True).indices[:most]
    return order.sort().values.tolist()
