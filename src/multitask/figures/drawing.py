"""Figures of a run, drawn without a screen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import ceil

import torch
from matplotlib.figure import Figure
from torch import Tensor

from multitask.tasks import Task

COLUMNS = 8


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


def draw_task(name: str, task: Task, prediction: Tensor, target: Tensor) -> Figure:
    """Draw a task's predictions against its targets.

    Args:
        name: the task's name.
        task: the task.
        prediction: shape ``[samples, out_features]``.
        target: the same samples' targets, missing ones included.
    """
    figure = Figure(figsize=(4.5, 4.2), layout="constrained")
    axes = figure.subplots()
    task.draw(axes, prediction, target)
    axes.set_title(f"{name} ({int(task.known(target).sum())} samples)", fontsize=10)
    return figure


def draw_samples(images: Tensor, captions: Sequence[str]) -> Figure:
    """Draw images with a few lines under each.

    Args:
        images: shape ``[samples, channels, height, width]``, any range.
        captions: one for each image.
    """
    rows = ceil(len(images) / COLUMNS)
    lines = max(caption.count("\n") + 1 for caption in captions)
    size = (COLUMNS * 1.35, rows * (1.3 + 0.16 * lines))
    figure = Figure(figsize=size, layout="constrained")
    grid = list(figure.subplots(rows, COLUMNS, squeeze=False).flat)
    for axes in grid:
        axes.axis("off")
    for axes, image, caption in zip(grid, images, captions, strict=False):
        axes.imshow(displayable(image).numpy(), cmap="gray")
        axes.set_title(caption, fontsize=7, y=-0.03, va="top", pad=0)
    return figure


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


def displayable(image: Tensor) -> Tensor:
    """Stretch an image's values to the range from 0 to 1.

    Args:
        image: shape ``[channels, height, width]``, any range.

    Returns:
        Shape ``[height, width, 3]`` or ``[height, width, 4]`` where the channels are colours, and
        else the first channel, ``[height, width]``; float32.
    """
    low, high = image.min(), image.max()
    scaled = ((image.float() - low) / (high - low).clamp_min(1e-9)).permute(1, 2, 0)
    return scaled if scaled.shape[2] in (3, 4) else scaled[:, :, 0]
