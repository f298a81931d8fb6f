"""Figures of a run, drawn without a screen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import ceil

import torch
from matplotlib.figure import Figure, SubFigure
from torch import Tensor

from multitask.data.faces import Shown
from multitask.tasks import Task

COLUMNS = 8
Panel = tuple[Tensor | None, str]
"""A picture and what is written under it."""


@dataclass(frozen=True)
class HeatMap:
    """Rows of values over time.

    Args:
        title: what the values are.
        rows: a name for each row.
        values: shape ``[rows, times]``; NaN is left white.
        limits: ends of a colour scale of opposites; the values' own where not given.
    """

    title: str
    rows: Sequence[str]
    values: Tensor
    limits: tuple[float, float] | None = None


def draw_task(name: str, task: Task, prediction: Tensor, target: Tensor) -> Figure | None:
    """Draw a task's predictions against its targets.

    Args:
        name: the task's name.
        task: the task.
        prediction: what the task predicts, first axis ``[samples]``.
        target: the same samples' targets, missing ones included.

    Returns:
        None if the task draws nothing.
    """
    figure = Figure(figsize=(4.5, 4.2), layout="constrained")
    axes = figure.subplots()
    if not task.draw(axes, prediction, target):
        return None
    axes.set_title(f"{name} ({int(task.known(target).sum())} samples)", fontsize=10)
    return figure


def draw_samples(samples: Sequence[Shown], captions: Sequence[str]) -> Figure:
    """Draw samples with a few lines under each.

    Args:
        samples: what each looks like; its texts are lines above its caption.
        captions: one for each sample.
    """
    panels = panels_of(samples, captions)
    lines = max(caption.count("\n") + 1 for _, caption in panels)
    size = (COLUMNS * 1.35, ceil(len(panels) / COLUMNS) * (1.3 + 0.16 * lines))
    figure = Figure(figsize=size, layout="constrained")
    fill_panels(figure, panels)
    return figure


def panels_of(samples: Sequence[Shown], captions: Sequence[str] | None = None) -> list[Panel]:
    """Lay samples out: a panel for each picture, and one for a sample that has none.

    Args:
        samples: what each looks like.
        captions: one for each sample, written under its first panel; none by default.

    Returns:
        Pictures with what is written under them: under the first of a sample its texts and its
        caption, under others the input's name.
    """
    panels: list[Panel] = []
    for place, sample in enumerate(samples):
        pictures = {name: each for name, each in sample.items() if isinstance(each, Tensor)}
        lines = [f"{name} {each}" for name, each in sample.items() if isinstance(each, str)]
        caption = "\n".join([*lines, *([captions[place]] if captions else [])])
        first, *others = pictures.items() if pictures else [("", None)]
        panels.append((first[1], caption))
        panels += [(picture, name) for name, picture in others]
    return panels


def fill_panels(figure: Figure | SubFigure, panels: Sequence[Panel]) -> None:
    """Draw pictures in rows of 8.

    Args:
        figure: an empty one.
        panels: what `panels_of` returned.
    """
    grid = list(figure.subplots(ceil(len(panels) / COLUMNS), COLUMNS, squeeze=False).flat)
    for axes in grid:
        axes.axis("off")
    for axes, (picture, caption) in zip(grid, panels, strict=False):
        if picture is not None:
            axes.imshow(picture.numpy(), cmap="gray")
        if caption:
            axes.set_title(caption, fontsize=7, y=-0.03, va="top", pad=0)


def captions(
    tasks: Mapping[str, Task],
    targets: Mapping[str, Tensor],
    predictions: Mapping[str, Tensor] | None = None,
) -> list[str]:
    """Write targets, and predictions where given, as lines under images.

    Args:
        tasks: the tasks by name.
        targets: the samples' targets by task.
        predictions: the samples' predictions by task.
    """
    count = len(next(iter(targets.values())))
    texts = []
    for row in range(count):
        lines = []
        for name, task in tasks.items():
            truth = task.caption(targets[name][row])
            guess = f" → {task.caption(predictions[name][row])}" if predictions else ""
            if truth:
                lines.append(f"{name} {truth}{guess}")
        texts.append("\n".join(lines))
    return texts


def draw_coverage(known: Mapping[str, Mapping[str, float]]) -> Figure:
    """Draw the share of samples that have a label.

    Args:
        known: share from 0 to 1, by split and task.
    """
    names = list(next(iter(known.values())))
    figure = Figure(figsize=(5, 1 + 0.45 * len(names)), layout="constrained")
    axes = figure.subplots()
    height = 0.8 / len(known)
    for place, (split, shares) in enumerate(known.items()):
        at = torch.arange(len(names)) + (place - (len(known) - 1) / 2) * height
        bars = axes.barh(at.numpy(), [100 * shares[name] for name in names], height, label=split)
        axes.bar_label(bars, fmt="%.3g %%", fontsize=7, padding=2)
    axes.set_yticks(range(len(names)), names)
    axes.invert_yaxis()
    axes.set(xlim=(0, 115), xlabel="samples with a label (%)")
    axes.legend(fontsize=7, loc="center left", bbox_to_anchor=(1, 0.5), frameon=False)
    return figure


def draw_heat_maps(times: Sequence[int], maps: Sequence[HeatMap]) -> Figure:
    """Draw heat maps one below the other, over the same time.

    Args:
        times: of the columns, in batches, increasing.
        maps: what to draw.
    """
    heights = [0.6 + 0.25 * len(each.rows) for each in maps]
    figure = Figure(figsize=(7, 0.6 + sum(heights)), layout="constrained")
    rows = figure.subplots(len(maps), sharex=True, squeeze=False, height_ratios=heights)
    last = times[-1] - times[-2] if len(times) > 1 else 1
    edges = [*times, times[-1] + last]
    for axes, each in zip(rows[:, 0], maps, strict=True):
        low, high = each.limits or (None, None)
        colors = "RdBu" if each.limits else "viridis"
        sides = range(len(each.rows) + 1)
        mesh = axes.pcolormesh(edges, sides, each.values.numpy(), cmap=colors, vmin=low, vmax=high)
        axes.set_yticks([row + 0.5 for row in range(len(each.rows))], each.rows, fontsize=7)
        axes.invert_yaxis()
        axes.set_title(each.title, fontsize=9)
        figure.colorbar(mesh, ax=axes)
    rows[-1, 0].set_xlabel("batch")
    return figure
