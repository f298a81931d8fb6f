"""Figures sent to whatever loggers a run has."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from lightning.pytorch.loggers import Logger, MLFlowLogger
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from multitask.errors import reason_of


def send_figure(
    loggers: Sequence[Logger], name: str, figure: Figure, path: Path, step: int
) -> None:
    """Send a figure to each logger that takes figures; a failure is a warning.

    A logger takes figures if it has ``log_image(key, images)``, as Lightning's for W&B, or what it
    writes with has ``add_figure`` (TensorBoard) or ``log_figure`` (Comet, MLflow).

    Args:
        loggers: the Trainer's.
        name: what the figure is called there, such as ``figures/val/samples``.
        figure: the figure.
        path: its PNG file.
        step: number of optimizer steps so far.
    """
    for logger in loggers:
        try:
            _send(logger, name, figure, path, step)
        except Exception as error:
            # The file is there, and a run is worth more than its mirror.
            kind = type(logger).__name__
            warnings.warn(
                f"the logger {kind} does not take the figure {name}: {reason_of(error)}",
                stacklevel=2,
            )


def _send(logger: Any, name: str, figure: Figure, path: Path, step: int) -> None:
    if callable(getattr(logger, "log_image", None)):
        logger.log_image(name, [str(path)])
        return
    # Not for all of them: some have nothing to write with.
    writer: Any = getattr(logger, "experiment", None)
    if isinstance(logger, MLFlowLogger):
        writer.log_figure(logger.run_id, figure, f"{name}.png")
    elif callable(getattr(writer, "add_figure", None)):
        # It draws with whatever canvas there is.
        FigureCanvasAgg(figure)
        writer.add_figure(name, figure, step, close=False)
    elif callable(getattr(writer, "log_figure", None)):
        writer.log_figure(name, figure, step=step)
