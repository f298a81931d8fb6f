"""Figures of an explanation."""

from __future__ import annotations

from collections.abc import Sequence
from math import isnan

import numpy as np
from matplotlib.figure import Figure
from torch import Tensor

from multitask.after.explaining.explanation import Explanation
from multitask.after.explaining.layer_gradients import LayerCosine
from multitask.pages.shown import shortened

MOST_ROWS, MOST_TASKS, MOST_PAIRS = 8, 6, 6
WIDEST, MOST_LABELS = 7.2, 16
"""Width of a page of a paper, and space for the names of layers, in inches."""
ENOUGH = 0.99
"""Fraction of pixels within the scale of a map, so that no outlier makes all others pale."""


def draw_maps(found: Explanation) -> Figure:
    """Draw each image with its attribution for each task, red for and blue against.

    Args:
        found: an explanation, whose first 8 images and 6 tasks are drawn.
    """
    tasks = list(found.attributions)[:MOST_TASKS]
    slow = any(found.attributions[name].occlusion is not None for name in tasks)
    heads = [(name, kind) for name in tasks for kind in ("gradients", "occlusion")[: 1 + slow]]
    rows = min(len(found.names), MOST_ROWS)
    figure = Figure(figsize=(1.3 * (1 + len(heads)), 1.25 * rows + 0.5), layout="constrained")
    grid = figure.subplots(rows, 1 + len(heads), squeeze=False)
    for row, line in enumerate(grid):
        image = found.pixels[row]
        line[0].imshow(_shown(image), cmap="gray", vmin=0, vmax=255)
        line[0].set_ylabel(shortened(found.names[row], 16), fontsize=6)
        for axes, (name, kind) in zip(line[1:], heads, strict=True):
            values = getattr(found.attributions[name], kind)[row].float().numpy()
            most = float(np.quantile(np.abs(values), ENOUGH)) or 1.0
            axes.imshow(_shown(image).mean(-1) if len(image) == 3 else _shown(image), cmap="gray")
            axes.imshow(values, cmap="RdBu_r", vmin=-most, vmax=most, alpha=0.75)
            axes.set_xlabel(shortened(found.attributions[name].classes[row], 20), fontsize=6)
    for axes, text in zip(grid[0], ["image", *(_head(*each, slow) for each in heads)], strict=True):
        axes.set_title(text, fontsize=8)
    for axes in grid.flat:
        axes.set(xticks=[], yticks=[])
    return figure


def _head(name: str, kind: str, slow: bool) -> str:
    return f"{shortened(name, 16)}\n{kind}" if slow else shortened(name, 16)


def _shown(image: Tensor) -> np.ndarray:
    return image[0].numpy() if len(image) == 1 else image.permute(1, 2, 0).numpy()


def draw_cosines(cosines: Sequence[LayerCosine]) -> Figure:
    """Draw the cosine of each pair of tasks' gradients over the layers, with its interval.

    Args:
        cosines: cosines by layer; with more than 6 pairs, those with the lowest in the last layer.
    """
    layers = list(dict.fromkeys(each.layer for each in cosines))
    lines: dict[tuple[str, str], list[LayerCosine]] = {}
    for each in cosines:
        lines.setdefault((each.first, each.second), []).append(each)
    chosen = sorted(lines.values(), key=lambda line: line[-1].cosine)[:MOST_PAIRS]
    width = min(1.8 + 0.55 * max(6, len(layers)), WIDEST)
    figure = Figure(figsize=(width, 3.2), layout="constrained")
    axes = figure.subplots()
    for line in chosen:
        at = [layers.index(each.layer) for each in line]
        label = shortened(f"{line[0].first}, {line[0].second}", 40)
        axes.plot(at, [each.cosine for each in line], "o-", markersize=3, label=label)
        axes.fill_between(at, [each.low for each in line], [each.high for each in line], alpha=0.2)
    axes.axhline(0, color="0.6", linewidth=0.8)
    step = -(-len(layers) // MOST_LABELS)
    axes.set_xticks(
        range(0, len(layers), step), layers[::step], rotation=45, ha="right", fontsize=7
    )
    axes.set(ylim=(-1, 1), ylabel="cosine of gradients", xlabel="layer, from the image on")
    axes.legend(fontsize=7, frameon=False)
    return figure


def draw_similarity(name: str, rows: list[str], columns: list[str], values: Tensor) -> Figure:
    """Draw the CKA of each pair of layers, from 0 to 1.

    Args:
        name: name of the other network.
        rows: this model's layers.
        columns: the other network's layers.
        values: CKA, ``[rows, columns]``.
    """
    side = 0.42
    size = (2.6 + side * len(columns), 1.9 + side * len(rows))
    figure = Figure(figsize=size, layout="constrained")
    axes = figure.subplots()
    shown = axes.imshow(values.numpy(), cmap="viridis", vmin=0, vmax=1)
    axes.set_xticks(range(len(columns)), columns, rotation=45, ha="right", fontsize=7)
    axes.set_yticks(range(len(rows)), rows, fontsize=7)
    for row, column in np.ndindex(*values.shape):
        value = float(values[row, column])
        color = "black" if value > 0.6 else "white"
        text = "" if isnan(value) else f"{value:.2f}"
        axes.text(column, row, text, ha="center", va="center", fontsize=6, color=color)
    axes.set(xlabel=shortened(name, 40), ylabel="this model")
    figure.colorbar(shown, ax=axes, shrink=0.8, label="CKA")
    return figure
