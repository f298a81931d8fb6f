"""Figures as files."""

from __future__ import annotations

from pathlib import Path

from matplotlib.figure import Figure

from multitask.checkpoints.atomic_writing import writing


def save_figure(figure: Figure, path: Path, dpi: int = 200) -> None:
    """Write a PNG file that is whole or not there.

    Args:
        figure: what is drawn.
        path: of the file.
        dpi: pixels an inch.

    Raises:
        OSError: naming the file, if it cannot be written.
    """
    with writing(path, is_lasting=False) as part:
        figure.savefig(part, dpi=dpi, format="png")
