"""Draw docs/architecture.png: a batch in the forward pass, and the gradients in the backward pass.

python docs/architecture.py
"""

from __future__ import annotations

from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch

SHARED, BALANCING = "#08519c", "#d94801"
TASKS = {"digit": "#238b45", "glyph": "#6a51a3", "angle": "#b5651d"}
LABELS = {"digit": "classes", "glyph": "a thumbnail", "angle": "a number"}
MIDDLE = 2.0
"""The height at which the shared part lies; tasks are a unit apart."""


def box(axes: Axes, x: float, y: float, width: float, text: str, color: str) -> None:
    """Draw a rounded box with a text in its middle."""
    shape = FancyBboxPatch((x, y - 0.34), width, 0.68, boxstyle="round,pad=0,rounding_size=0.1")
    shape.set(facecolor=color, edgecolor="none", alpha=0.14)
    axes.add_patch(shape)
    axes.text(x + width / 2, y, text, ha="center", va="center", color=color, fontsize=9)


def arrow(
    axes: Axes, start: tuple[float, float], end: tuple[float, float], color: str, style: str = "-"
) -> None:
    """Draw an arrow from one point to another."""
    line = FancyArrowPatch(start, end, arrowstyle="-|>", mutation_scale=9, shrinkA=0, shrinkB=0)
    line.set(color=color, linewidth=1.2, linestyle=style)
    axes.add_patch(line)


def draw(axes: Axes) -> None:
    """Draw the boxes from left to right: batch, encoder, gate, sharing, heads, losses, balancer."""
    grey = "0.35"
    box(axes, 0.0, MIDDLE, 1.5, "inputs\nimage, text,\nnumbers", grey)
    box(axes, 2.0, MIDDLE, 1.6, "encoder\n(trunk)", SHARED)
    box(axes, 4.1, MIDDLE, 0.9, "gate", BALANCING)
    arrow(axes, (1.5, MIDDLE), (2.0, MIDDLE), grey)
    arrow(axes, (3.6, MIDDLE), (4.1, MIDDLE), SHARED)
    for place, (task, color) in enumerate(TASKS.items()):
        y = MIDDLE + 1 - place
        box(axes, 5.7, y, 1.3, "sharing", color)
        box(axes, 7.3, y, 1.3, f"head\n{task}", color)
        box(axes, 8.9, y, 1.6, f"loss\n{LABELS[task]}", color)
        arrow(axes, (5.0, MIDDLE), (5.7, y), color)
        arrow(axes, (7.0, y), (7.3, y), color)
        arrow(axes, (8.6, y), (8.9, y), color)
        arrow(axes, (10.5, y), (11.1, MIDDLE), color)
    box(axes, 11.1, MIDDLE, 1.3, "balancer\none loss", BALANCING)
    # The backward pass: from the losses to the gate, and from there as one gradient.
    axes.plot([11.75, 11.75], [MIDDLE - 0.4, 0.1], color=BALANCING, linewidth=1.2, linestyle="--")
    axes.plot([11.75, 4.55], [0.1, 0.1], color=BALANCING, linewidth=1.2, linestyle="--")
    arrow(axes, (4.55, 0.1), (4.55, MIDDLE - 0.36), BALANCING, "--")
    axes.plot([4.4, 4.4], [MIDDLE - 0.4, 0.55], color=SHARED, linewidth=1.2, linestyle="--")
    axes.plot([4.4, 2.8], [0.55, 0.55], color=SHARED, linewidth=1.2, linestyle="--")
    arrow(axes, (2.8, 0.55), (2.8, MIDDLE - 0.36), SHARED, "--")
    small = {"fontsize": 8, "va": "bottom", "ha": "center"}
    axes.text(8.2, 0.14, "backward: a gradient of each task", color=BALANCING, **small)
    axes.text(3.6, 0.59, "one gradient", color=SHARED, **small)
    notes = {"shared by all tasks": 2.8, "each task's own": 7.1, "known targets only": 9.7}
    for text, x in notes.items():
        axes.text(x, 3.5, text, color=grey, fontsize=8, ha="center", va="bottom", style="italic")
    axes.set(xlim=(-0.1, 12.5), ylim=(-0.05, 3.8))
    axes.set_axis_off()


def main(path: Path) -> None:
    """Draw the picture."""
    figure = Figure(figsize=(9, 2.9), layout="constrained")
    draw(figure.subplots())
    figure.savefig(path, dpi=160)


if __name__ == "__main__":
    main(Path(__file__).with_name("architecture.png"))
