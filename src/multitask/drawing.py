"""Figures of a run, drawn without a screen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import ceil

import torch
from matplotlib.figure import Figure
from torch import Tensor

from multitask.tasks import Task

COLUMNS = 8


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
        axes.imshow(_displayable(image).numpy(), cmap="gray")
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


def _displayable(image: Tensor) -> Tensor:
    low, high = image.min(), image.max()
    scaled = ((image.float() - low) / (high - low).clamp_min(1e-9)).permute(1, 2, 0)
    return scaled if scaled.shape[2] in (3, 4) else scaled[:, :, 0]
