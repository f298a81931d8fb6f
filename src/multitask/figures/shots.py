"""Quality of several learners by the number of labels that they learned from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import isfinite

from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, NullLocator

COLOURS = ("tab:blue", "tab:orange", "tab:green", "tab:red", "tab:purple", "tab:brown")
MARKERS = ("o", "s", "^", "D", "v", "P")
SPREAD = 0.02
"""Fraction of the axis by which curves are shifted, so that no interval hides another."""


def draw_shots(
    shots: Sequence[int],
    curves: Mapping[str, Sequence[tuple[float, float]]],
    quality: str,
    what: str,
    reference: str,
) -> Figure | None:
    """Draw a metric against the number of labels.

    Args:
        shots: numbers of labels, increasing.
        curves: by learner, the mean and half of the interval for each number of labels; NaN if
            unknown.
        quality: name of the metric.
        what: what the numbers count.
        reference: name of a curve that is drawn as a line without intervals.

    Returns:
        The figure; None if there is nothing to draw.
    """
    if not any(isfinite(mean) for curve in curves.values() for mean, _ in curve):
        return None
    figure = Figure(figsize=(5.4, 3.8), layout="constrained")
    axes = figure.subplots()
    drawn = [name for name in curves if name != reference]
    for place, name in enumerate(drawn):
        means, half = zip(*curves[name], strict=True)
        # The offsets are factors, because the axis is logarithmic.
        shift = (1 + SPREAD) ** (2 * place - len(drawn) + 1)
        axes.errorbar(
            [each * shift for each in shots],
            means,
            [each if isfinite(each) else 0 for each in half],
            label=name,
            color=COLOURS[place % len(COLOURS)],
            marker=MARKERS[place % len(MARKERS)],
            markersize=4,
            linewidth=1.2,
            capsize=2,
        )
    if reference in curves:
        axes.plot(
            shots,
            [mean for mean, _ in curves[reference]],
            color="grey",
            linestyle=":",
            linewidth=1,
            label=reference,
        )
    axes.set_xscale("log")
    axes.xaxis.set_major_locator(FixedLocator(list(shots)))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:,.0f}")
    axes.set_xlabel(what)
    axes.set_ylabel(quality)
    axes.grid(alpha=0.3)
    figure.legend(loc="outside lower center", ncols=3, frameon=False, fontsize=8)
    return figure
