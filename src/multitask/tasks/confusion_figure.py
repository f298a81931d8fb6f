"""A figure of a confusion matrix that stays legible with 2 classes or thousands."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

if TYPE_CHECKING:
    from matplotlib.axes import Axes

WITH_NUMBERS, MOST_CLASSES = 20, 50
"""Above the first, the matrix has no numbers; above the second, it is not drawn."""
WORST = 20
"""Number of pairs of classes that are drawn instead of a matrix."""
LETTERS = 20
"""Maximum length of a class's name; the middle of a longer name is cut."""
LARGE = 10_000
"""Counts of at least this number are written as percentages, for lack of space."""
PLAIN: dict[str, Any] = {"parse_math": False}


def draw_confusion(axes: Axes, counts: Tensor, classes: Sequence[str]) -> None:
    """Draw how often each class was predicted as each other class.

    Up to 50 classes are drawn as a matrix; for more, the 20 most frequent confusions are drawn.

    Args:
        axes: where to draw; if they are alone in their figure, it is resized as needed.
        counts: samples by true class (row) and predicted class, shape ``[classes, classes]``.
        classes: their names.
    """
    if len(classes) <= MOST_CLASSES:
        _draw_matrix(axes, counts, brief(classes))
    else:
        _draw_worst(axes, counts, brief(classes))


def brief(names: Sequence[str]) -> list[str]:
    """Shorten names so that they fit beside a figure and still differ.

    Args:
        names: distinct names.

    Returns:
        Each name on one line. The middle of a long name is cut, and its number is put before it if
        it would equal another name otherwise.
    """
    short = [_cut(" ".join(name.split())) for name in names]
    times = Counter(short)
    return [
        each if times[each] == 1 else _cut(f"{place} {each}") for place, each in enumerate(short)
    ]


def _cut(name: str) -> str:
    if len(name) <= LETTERS:
        return name
    head = LETTERS // 2
    return f"{name[:head]}…{name[len(name) - (LETTERS - 1 - head) :]}"


def _draw_matrix(axes: Axes, counts: Tensor, names: Sequence[str]) -> None:
    shares = counts / counts.sum(1, keepdim=True).clamp_min(1)
    count, size = len(names), 7 if len(names) <= WITH_NUMBERS else 6
    cell = max(0.32 if count <= WITH_NUMBERS else 0.16, 2.4 / count)
    longest = max(map(len, names))
    # Letters are two thirds as wide as they are high.
    room = longest * size / 108
    is_upright = room > cell
    side = count * cell + room
    _resize(axes, side + 1.7, side + 1.1)
    image = axes.imshow(shares.numpy(), cmap="Blues", vmin=0, vmax=1)
    axes.set(xlabel="predicted class", ylabel="true class")
    rotation = 90 if is_upright else 0
    axes.set_xticks(range(count), names, fontsize=size, rotation=rotation, **PLAIN)
    axes.set_yticks(range(count), names, fontsize=size, **PLAIN)
    label = "share of the true class"
    if count <= WITH_NUMBERS:
        is_large = int(counts.max()) >= LARGE
        label += "\n(numbers: % of it)" if is_large else "\n(numbers: samples)"
        _write_numbers(axes, (100 * shares).round() if is_large else counts, shares, cell)
    bar = axes.figure.colorbar(image, ax=axes, shrink=0.8)
    bar.set_label(label, fontsize=8)
    bar.ax.tick_params(labelsize=7)


def _resize(axes: Axes, width: float, height: float) -> None:
    figure: Any = axes.figure
    # A figure with several axes has its size already.
    if len(figure.axes) == 1:
        figure.set_size_inches(width, height)


def _write_numbers(axes: Axes, numbers: Tensor, shares: Tensor, cell: float) -> None:
    digits = len(str(int(numbers.max())))
    size = min(8.0, 72 * 0.9 * cell / (0.66 * digits))
    for row, column in numbers.nonzero().tolist():
        color = "white" if shares[row, column] > 0.5 else "black"
        text = str(int(numbers[row, column]))
        written = axes.text(column, row, text, ha="center", va="center", color=color, fontsize=size)
        # Inside the axes, so that the layout does not have to measure it.
        written.set_in_layout(False)


def _draw_worst(axes: Axes, counts: Tensor, names: Sequence[str]) -> None:
    mistakes = counts - counts.diag().diag()
    # Stable, so that every machine draws the first of equal counts.
    order = mistakes.flatten().sort(descending=True, stable=True).indices[:WORST]
    pairs = [(int(at) // len(names), int(at) % len(names)) for at in order]
    pairs = [(row, column) for row, column in pairs if mistakes[row, column] > 0]
    _resize(axes, 7.0, 1.4 + 0.24 * max(len(pairs), 4))
    if not pairs:
        axes.text(0.5, 0.5, f"none of {int(counts.sum())} is wrong", ha="center", va="center")
        axes.axis("off")
        return
    values = [int(mistakes[pair]) for pair in pairs]
    totals = counts.sum(1)
    bars = axes.barh(range(len(pairs)), values, color="tab:blue")
    shown = [
        f"{value:,} of {int(totals[row]):,}" for value, (row, _) in zip(values, pairs, strict=True)
    ]
    axes.bar_label(bars, shown, fontsize=7, padding=2)
    labels = [f"{names[row]} → {names[column]}" for row, column in pairs]
    axes.set_yticks(range(len(pairs)), labels, fontsize=7, **PLAIN)
    axes.margins(y=0.02)
    axes.invert_yaxis()
    axes.locator_params(axis="x", integer=True)
    axes.set_xlim(0, 1.25 * values[0])
    axes.set_xlabel(
        "samples predicted as another class\n"
        f"(the {len(pairs)} most frequent of {torch.count_nonzero(mistakes):,} pairs)",
        fontsize=8,
    )
