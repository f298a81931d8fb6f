"""Figures of a run, drawn without a screen."""

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
"""Lines under an image, of more tasks than that; the table of samples has all."""
CELL, GAP = 1.35, 0.04
"""Width of a panel, and the space on each side of its picture, in inches."""
LETTERS = 40
"""Of a line of a title: no more are drawn."""
FONT = 7
"""Size of what is written under pictures."""
LINE = 0.16
"""Height of a line of a title, in inches."""
MANY_TASKS, MOST_TASKS = 20, 60
"""With more tasks their rows are narrower, and with still more some are left out."""
GREY: dict[str, Any] = {"cmap": "gray", "vmin": 0.0, "vmax": 1.0}
"""Pictures are on one scale already, which a picture of its own range would leave."""
Panel = tuple[Tensor | None, str]
"""A picture and what is written under it."""


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
        prediction: what the task predicts, first axis ``[samples]``.
        target: the same samples' targets, missing ones included.
        metrics: values for the title, by name; of the whole split.
        elements: names of a vector's elements; default: as in a table of predictions.

    Returns:
        None if the task draws nothing.
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
    # Whatever size the task has chosen has room for one line.
    figure.set_figheight(figure.get_figheight() + LINE * title.count("\n"))
    return figure


def _metric_lines(task: Task, metrics: Mapping[str, float]) -> list[str]:
    # The one that counts most comes first.
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
        samples: what each looks like; its texts are lines above its caption.
        captions: one for each sample.
    """
    panels = panels_of(samples, captions)
    # Texts alone have room for more words in a line.
    most = panel_columns(panels)
    cell = CELL * COLUMNS / most
    width = cell - 2 * GAP
    panels = [(picture, wrapped(caption, width, FONT)) for picture, caption in panels]
    # All pictures of a sample are in one row.
    each = ceil(len(panels) / len(samples))
    columns = each * max(1, round(most / each))
    rows = ceil(len(panels) / columns)
    sizes = [picture.shape for picture, _ in panels if picture is not None]
    # As high as they are wide at most; what is higher is drawn narrower.
    height = width * min(1.0, max((size[0] / size[1] for size in sizes), default=0.0))
    lines = max(caption.count("\n") + 1 for _, caption in panels)
    step = height + 0.125 * lines + 0.12
    figure = Figure(figsize=(columns * cell, rows * step))
    # All in one, in inches: axes for each picture, and a layout to be found for them, would take
    # several times as long to draw.
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
        style = {"fontsize": FONT, "va": "top", "ha": "center", "gid": FITTED}
        axes.text(*place_of_text, caption, parse_math=False, **style)
    axes.set(xlim=(0, columns * cell), ylim=(rows * step, 0))
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
    """Draw pictures in rows of 8, or texts in rows of 4 if there are no pictures.

    Args:
        figure: an empty one.
        panels: what `panels_of` returned.
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
            style = {"fontsize": FONT, "y": top, "va": "top", "pad": 0, "gid": FITTED}
            axes.set_title(text, parse_math=False, **style)


def panel_columns(panels: Sequence[Panel]) -> int:
    """How many panels stand beside each other: fewer if there are texts alone."""
    return COLUMNS if any(picture is not None for picture, _ in panels) else COLUMNS // 2


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
    """Draw the share of samples that have a label; of many tasks, of those that have fewest.

    Args:
        known: share from 0 to 1, by split and task.
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
        axes.set_title(f"the {len(names)} of {len(every)} tasks with fewest labels", fontsize=9)
    axes.legend(fontsize=7, loc="center left", bbox_to_anchor=(1, 0.5), frameon=False)
    return figure
