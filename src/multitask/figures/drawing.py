"""Figures of a run, drawn without a display."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import ceil
from typing import Any

import torch
from matplotlib.figure import Figure, SubFigure
from torch import Tensor

from multitask.data.faces import Shown
from multitask.figures.elements import draw_elements, has_elements
from multitask.figures.fitting import wrapped
from multitask.figures.saving import FITTED
from multitask.tasks import Regression, Task

COLUMNS = 8
LINES = 12
"""Most tasks with a line under an image; the table of samples has all."""
CELL, GAP = 1.35, 0.04
"""Width of a panel and margin on each side of its picture, in inches."""
LETTERS = 40
"""Most characters in a line of a title."""
FONT = 7
"""Font size of the text under pictures."""
LINE = 0.16
"""Height of a line of a title, in inches."""
MANY_TASKS, MOST_TASKS = 20, 60
"""With more tasks than these, rows become narrower, and then some are omitted."""
GREY: dict[str, Any] = {"cmap": "gray", "vmin": 0.0, "vmax": 1.0}
"""Pictures are already scaled; Matplotlib's scaling by their own range would change them."""
Panel = tuple[Tensor | None, str]
"""A picture and the text under it."""


def draw_task(
    name: str,
    task: Task,
    prediction: Tensor,
    target: Tensor,
    metrics: Mapping[str, float] | None = None,
    elements: Sequence[str] | None = None,
) -> Figure | None:
    """Draw a task's predictions against its targets.

    Args:
        name: the task's name.
        task: the task.
        prediction: the task's predictions, first axis ``[samples]``.
        target: the targets of the same samples, which may be missing.
        metrics: values for the title, by name, over the whole split.
        elements: names of a vector's elements; default: as in a table of predictions.

    Returns:
        The figure; None if the task draws nothing.
    """
    count = int(task.known(target).sum())
    title = "\n".join(
        [f"{name} ({count:,} sample{'s' * (count != 1)})", *_metric_lines(task, metrics or {})]
    )
    if has_elements(task):
        assert isinstance(task, Regression)
        names = elements if elements and len(elements) == task.size else None
        names = names or [f"{name}_{place}" for place in range(task.size)]
        return draw_elements(title, task, prediction, target, names)
    figure = Figure(figsize=(4.5, 4.2), layout="constrained")
    axes = figure.subplots()
    if not task.draw(axes, prediction, target):
        return None
    axes.set_title(title, fontsize=9, parse_math=False)
    # Any figure size that the task has chosen has room for one line.
    figure.set_figheight(figure.get_figheight() + LINE * title.count("\n"))
    return figure


def _metric_lines(task: Task, metrics: Mapping[str, float]) -> list[str]:
    # The most important metric comes first.
    names = sorted(metrics, key=lambda name: name != task.headline)
    words = [f"{name.replace('_', ' ')} {metrics[name]:.3g}" for name in names]
    lines: list[str] = []
    for each in words:
        longer = f"{lines[-1]}, {each}" if lines else each
        lines[-1:] = [longer] if len(longer) <= LETTERS else [*lines[-1:], each]
    return lines


def draw_samples(samples: Sequence[Shown], captions: Sequence[str]) -> Figure:
    """Draw samples with a few lines under each.

    Args:
        samples: display forms of the samples; their texts are lines above the caption.
        captions: one caption for each sample.
    """
    panels = panels_of(samples, captions)
    # If there are only texts, lines have room for more words.
    most = panel_columns(panels)
    cell = CELL * COLUMNS / most
    width = cell - 2 * GAP
    panels = [(picture, wrapped(caption, width, FONT)) for picture, caption in panels]
    # Keep all pictures of a sample in one row.
    each = ceil(len(panels) / len(samples))
    columns = each * max(1, round(most / each))
    rows = ceil(len(panels) / columns)
    sizes = [picture.shape for picture, _ in panels if picture is not None]
    # Panels are at most as high as wide; higher pictures are drawn narrower.
    height = width * min(1.0, max((size[0] / size[1] for size in sizes), default=0.0))
    lines = max(caption.count("\n") + 1 for _, caption in panels)
    step = height + 0.125 * lines + 0.12
    figure = Figure(figsize=(columns * cell, rows * step))
    # One image in inches, because separate axes and a layout for each picture would take several
    # times as long to draw.
    axes = figure.add_axes((0, 0, 1, 1))
    axes.axis("off")
    for place, (picture, caption) in enumerate(panels):
        middle, top = (place % columns + 0.5) * cell, place // columns * step + GAP
        if picture is not None:
            aspect = picture.shape[0] / picture.shape[1]
            half, low = min(width, height / aspect) / 2, top + min(height, width * aspect)
            extent = (middle - half, middle + half, low, top)
            axes.imshow(picture.numpy(), extent=extent, aspect="auto", **GREY)
        place_of_text = (middle, top + height + GAP)
        style: dict[str, Any] = {"fontsize": FONT, "va": "top", "ha": "center", "gid": FITTED}
        axes.text(*place_of_text, caption, parse_math=False, **style)
    axes.set(xlim=(0, columns * cell), ylim=(rows * step, 0))
    return figure


def panels_of(samples: Sequence[Shown], captions: Sequence[str] | None = None) -> list[Panel]:
    """Lay out samples: a panel for each picture, and one for a sample without pictures.

    Args:
        samples: display forms of the samples.
        captions: one caption for each sample, written under its first panel; default: none.

    Returns:
        Pictures with the text under them: for the first picture of a sample its texts and its
        caption, for others the name of the input.
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
    """Draw pictures in rows of 8, or texts in rows of 4 if there are no pictures.

    Args:
        figure: an empty figure.
        panels: the result of `panels_of`.
    """
    columns = panel_columns(panels)
    grid = list(figure.subplots(ceil(len(panels) / columns), columns, squeeze=False).flat)
    for axes in grid:
        axes.axis("off")
    for axes, (picture, caption) in zip(grid, panels, strict=False):
        if picture is not None:
            axes.imshow(picture.numpy(), **GREY)
        if caption:
            width = 0.95 * float(figure.bbox.width) / figure.dpi / columns
            text = wrapped(caption, width, FONT)
            top = -0.03 if columns == COLUMNS else 1.0
            style: dict[str, Any] = {"y": top, "va": "top", "pad": 0, "gid": FITTED}
            axes.set_title(text, fontsize=FONT, parse_math=False, **style)


def panel_columns(panels: Sequence[Panel]) -> int:
    """The number of panels in a row: fewer if there are only texts."""
    return COLUMNS if any(picture is not None for picture, _ in panels) else COLUMNS // 2


def captions(
    tasks: Mapping[str, Task],
    targets: Mapping[str, Tensor],
    predictions: Mapping[str, Tensor] | None = None,
) -> list[str]:
    """Format targets, and any predictions, as lines under images; at most for the first tasks.

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
    """Draw the fraction of labelled samples; with many tasks, for those with the fewest labels.

    Args:
        known: fraction from 0 to 1, by split and task.
    """
    every = list(next(iter(known.values())))
    fewest = sorted(every, key=lambda name: min(shares[name] for shares in known.values()))
    names = [name for name in every if name in set(fewest[:MOST_TASKS])]
    step = 0.45 if len(names) <= MANY_TASKS else 0.12 * max(2, len(known))
    figure = Figure(figsize=(5, 1 + step * len(names)), layout="constrained")
    axes = figure.subplots()
    height = 0.8 / len(known)
    for place, (split, shares) in enumerate(known.items()):
        at = torch.arange(len(names)) + (place - (len(known) - 1) / 2) * height
        bars = axes.barh(at.numpy(), [100 * shares[name] for name in names], height, label=split)
        size = 7 if len(names) <= MANY_TASKS else 5
        axes.bar_label(bars, fmt="%.3g %%", fontsize=size, padding=2)
    axes.set_yticks(range(len(names)), names, parse_math=False)
    axes.margins(y=0.01)
    axes.invert_yaxis()
    axes.set(xlim=(0, 115), xlabel="samples with a label (%)")
    if len(names) < len(every):
        axes.set_title(f"the {len(names)} of {len(every)} tasks with the fewest labels", fontsize=9)
    axes.legend(fontsize=7, loc="center left", bbox_to_anchor=(1, 0.5), frameon=False)
    return figure
