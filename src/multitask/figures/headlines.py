"""Each task's headline metric, of many tasks in one figure."""

from __future__ import annotations

from collections.abc import Mapping
from math import inf

from matplotlib.figure import Figure

MOST = 60
"""More tasks are not drawn."""


def lowest(values: Mapping[str, float], most: int) -> list[str]:
    """The names of the lowest values, in their own order.

    Args:
        values: by name; NaN counts as the highest.
        most: how many.
    """
    order = sorted(values, key=lambda name: inf if values[name] != values[name] else values[name])
    chosen = set(order[:most])
    return [name for name in values if name in chosen]


def draw_headlines(split: str, values: Mapping[str, float], metrics: Mapping[str, str]) -> Figure:
    """Draw a bar for each task, the lowest first; of more than 60 tasks, for the lowest.

    Args:
        split: whose metrics they are.
        values: each task's headline metric, NaN where there is none.
        metrics: its name.
    """
    unknown = {name for name, value in values.items() if value != value}
    order = sorted(lowest(values, MOST), key=lambda name: (name in unknown, values[name]))
    size = 7 if len(order) <= 30 else 5
    figure = Figure(figsize=(5, 0.9 + size / 48 * len(order)), layout="constrained")
    axes = figure.subplots()
    # A bar that ends far on the left would leave no room for the others.
    lengths = [0.0 if name in unknown else max(values[name], -1) for name in order]
    axes.barh(range(len(order)), lengths, color="tab:blue")
    for place, (name, length) in enumerate(zip(order, lengths, strict=True)):
        text = "unknown" if name in unknown else f"{metrics[name]} {values[name]:.3g}"
        axes.text(max(length, 0), place, f" {text}", fontsize=size, va="center")
    axes.set_yticks(range(len(order)), order, fontsize=size, parse_math=False)
    axes.margins(y=0.01)
    axes.invert_yaxis()
    axes.set_xlim(min(0, *lengths), 1.35 * max(1e-3, *lengths))
    axes.axvline(0, color="black", linewidth=0.8)
    of = "" if len(order) == len(values) else f"\nthe {len(order)} lowest of {len(values)}"
    axes.set_title(f"{split}: headline metric of each task{of}", fontsize=9)
    return figure
