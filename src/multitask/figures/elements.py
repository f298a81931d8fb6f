"""The elements of a vector: predictions against targets, one panel each."""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil, nan

from matplotlib.figure import Figure
from torch import Tensor

from multitask import missing_labels
from multitask.tasks import DenseRegression, Regression, Task
from multitask.tasks.pixels import pixels_of
from multitask.tasks.scatter import draw_scatter

MOST_PANELS, COLUMNS, SIDE = 16, 4, 2.2


def has_elements(task: Task) -> bool:
    """Whether a task predicts vectors and has no drawing of its own."""
    # A task's own drawing shows all elements together.
    is_ours = type(task).draw in (Regression.draw, DenseRegression.draw)
    return isinstance(task, Regression) and task.size > 1 and is_ours


def draw_elements(
    title: str, task: Regression, prediction: Tensor, target: Tensor, names: Sequence[str]
) -> Figure:
    """Draw a panel for each element; with more than 16, for those with the lowest R².

    Args:
        title: title of the figure.
        task: a task for which `has_elements` is true.
        prediction: the task's predictions, first axis ``[samples]``.
        target: the targets of the same samples, which may be missing.
        names: names of the elements.
    """
    rows = [_rows(task, each).float().cpu() for each in (prediction, target)]
    scores = [_r2(rows[0][:, at], rows[1][:, at]) for at in range(task.size)]
    # Elements without a score come last.
    worst = sorted(range(task.size), key=lambda at: (scores[at] != scores[at], scores[at]))
    shown = sorted(worst[:MOST_PANELS])
    columns = min(COLUMNS, len(shown))
    lines = ceil(len(shown) / columns)
    width, height = SIDE * max(columns, 2), SIDE * lines + 0.5
    figure = Figure(figsize=(width, height))
    # Fixed, because a layout that measures every panel takes almost a second.
    figure.subplots_adjust(
        left=0.6 / width,
        right=1 - 0.1 / width,
        bottom=0.5 / height,
        top=1 - 1.1 / height,
        wspace=0.45,
        hspace=0.6,
    )
    grid = list(figure.subplots(lines, columns, squeeze=False).flat)
    for axes, at in zip(grid, shown, strict=False):
        draw_scatter(axes, rows[0][:, at], rows[1][:, at], task.unit)
        score = f"\nR² {scores[at]:.3g}" if scores[at] == scores[at] else ""
        axes.set_title(f"{names[at]}{score}", fontsize=8, parse_math=False)
        axes.tick_params(labelsize=6)
        axes.xaxis.label.set_size(7)
        axes.yaxis.label.set_size(7)
    for axes in grid[len(shown) :]:
        axes.set_visible(False)
    of = "" if len(shown) == task.size else f"\nthe {len(shown)} worst of {task.size} elements"
    figure.suptitle(f"{title}{of}", fontsize=9, parse_math=False)
    return figure


def _rows(task: Regression, values: Tensor) -> Tensor:
    if isinstance(task, DenseRegression):
        return pixels_of(values)
    return values.reshape(len(values), task.size)


def _r2(prediction: Tensor, target: Tensor) -> float:
    known = missing_labels.known(target)
    true, predicted = target[known].double(), prediction[known].double()
    spread = float((true - true.mean()).square().sum()) if len(true) else 0.0
    return 1 - float((true - predicted).square().sum()) / spread if spread > 0 else nan
