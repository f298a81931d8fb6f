"""Figures of a run, drawn without a screen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import ceil

import torch
from matplotlib.figure import Figure, SubFigure
from torch import Tensor

from multitask.data.faces import Shown
from multitask.tasks import Task

COLUMNS = 8
LINES = 12
"""Lines under an image, of more tasks than that; the table of samples has all."""
CELL, GAP = 1.35, 0.04
"""Width of a panel, and the space on each side of its picture, in inches."""
Panel = tuple[Tensor | None, str]
"""A picture and what is written under it."""


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
    # All pictures of a sample are in one row.
    each = ceil(len(panels) / len(samples))
    columns = each * max(1, round(COLUMNS / each))
    rows, width = ceil(len(panels) / columns), CELL - 2 * GAP
    sizes = [picture.shape for picture, _ in panels if picture is not None]
    # As high as they are wide at most; what is higher is drawn narrower.
    height = width * min(1.0, max((size[0] / size[1] for size in sizes), default=0.0))
    lines = max(caption.count("\n") + 1 for _, caption in panels)
    step = height + 0.125 * lines + 0.12
    figure = Figure(figsize=(columns * CELL, rows * step))
    # All in one, in inches: axes for each picture, and a layout to be found for them, would take
    # several times as long to draw.
    axes = figure.add_axes((0, 0, 1, 1))
    axes.axis("off")
    for place, (picture, caption) in enumerate(panels):
        middle, top = (place % columns + 0.5) * CELL, place // columns * step + GAP
        if picture is not None:
            aspect = picture.shape[0] / picture.shape[1]
            half, low = min(width, height / aspect) / 2, top + min(height, width * aspect)
            extent = (middle - half, middle + half, low, top)
            axes.imshow(picture.numpy(), cmap="gray", extent=extent, aspect="auto")
        axes.text(middle, top + height + GAP, caption, fontsize=7, va="top", ha="center")
    axes.set(xlim=(0, columns * CELL), ylim=(rows * step, 0))
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
    """Write targets, and predictions where given, as lines under images; of many tasks, the first.

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
        rest = len(lines) - LINES
        texts.append("\n".join(lines if rest <= 0 else [*lines[:LINES], f"and {rest} more"]))
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
