"""Sending of figures to the loggers of a run."""

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
    """Send a figure to each logger that accepts figures; a failure gives a warning.

    A logger accepts figures if it has ``log_image(key, images)``, as Lightning's W&B logger does,
    or if its experiment has ``add_figure`` (TensorBoard) or ``log_figure`` (Comet, MLflow).

    Args:
        loggers: the Trainer's loggers.
        name: name of the figure there, such as ``figures/val/samples``.
        figure: the figure.
        path: its PNG file.
        step: number of optimizer steps so far.
    """
    for logger in loggers:
        try:
            _send(logger, name, figure, path, step)
        except Exception as error:
            # A failing logger must not end the run, and the file exists.
            kind = type(logger).__name__
            warnings.warn(
                f"the logger {kind} does not accept the figure {name}: {reason_of(error)}",
                stacklevel=2,
            )


def _send(logger: Any, name: str, figure: Figure, path: Path, step: int) -> None:
    if callable(getattr(logger, "log_image", None)):
        logger.log_image(name, [str(path)])
        return
    # Not for all loggers: some have no experiment.
    writer: Any = getattr(logger, "experiment", None)
    if isinstance(logger, MLFlowLogger):
        writer.log_figure(logger.run_id, figure, f"{name}.png")
    elif callable(getattr(writer, "add_figure", None)):
        # It draws with the figure's current canvas.
        FigureCanvasAgg(figure)
        writer.add_figure(name, figure, step, close=False)
    elif callable(getattr(writer, "log_figure", None)):
        writer.log_figure(name, figure, step=step)
