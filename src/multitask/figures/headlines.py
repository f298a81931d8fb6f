"""The headline metrics of many tasks in one figure."""

from __future__ import annotations

from collections.abc import Mapping
from math import inf

from matplotlib.figure import Figure

MOST = 60
"""Most tasks that are drawn."""


def lowest(values: Mapping[str, float], most: int) -> list[str]:
    """The names of the lowest values, in their original order.

    Args:
        values: values by name; NaN counts as the highest.
        most: number of names.
    """
    order = sorted(values, key=lambda name: inf if values[name] != values[name] else values[name])
    chosen = set(order[:most])
    return [name for name in values if name in chosen]


def draw_headlines(
    split: str, contributions: Mapping[str, float], metrics: Mapping[str, str]
) -> Figure:
    """Draw a bar for each task, the lowest first; with more than 60 tasks, for the lowest.

    Args:
        split: split of the metrics.
        contributions: position of each task's headline metric between the trivial predictor, 0, and
            perfection, 1; NaN if it is unknown.
        metrics: the metric and its value, as text.
    """
    values = contributions
    unknown = {name for name, value in values.items() if value != value}
    order = sorted(lowest(values, MOST), key=lambda name: (name in unknown, values[name]))
    size = 7 if len(order) <= 30 else 5
    figure = Figure(figsize=(5, 0.9 + size / 48 * len(order)), layout="constrained")
    axes = figure.subplots()
    lengths = [0.0 if name in unknown else values[name] for name in order]
    axes.barh(range(len(order)), lengths, color="tab:blue")
    for place, (name, length) in enumerate(zip(order, lengths, strict=True)):
        axes.text(max(length, 0), place, f" {metrics[name]}", fontsize=size, va="center")
    axes.set_yticks(range(len(order)), order, fontsize=size, parse_math=False)
    axes.margins(y=0.01)
    axes.invert_yaxis()
    axes.set_xlim(0, 1.35)
    axes.set_xticks([0, 0.5, 1], ["0: trivial", "0.5", "1: perfect"])
    axes.axvline(0, color="black", linewidth=0.8)
    of = "" if len(order) == len(values) else f"\nthe {len(order)} lowest of {len(values)}"
    axes.set_title(f"{split}: headline metric of each task{of}", fontsize=9)
    return figure
