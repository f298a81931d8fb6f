"""Saving of figures to files, with names drawn literally."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.text import Text
from matplotlib.ticker import FixedLocator, LogFormatter

from multitask.checkpoints.atomic_writing import writing
from multitask.pages.shown import shortened, shown

MOST_LETTERS = 40
"""Most characters of a line; longer lines are shortened, or a layout would leave no room."""

FITTED = "fitted"
"""Group id (gid) of texts whose lines already fit and are drawn in full."""


def save_figure(figure: Figure, path: Path, dpi: int = 200) -> None:
    """Write a figure with any names.

    Names are drawn literally, even with dollar signs, and without invisible characters. The numbers
    of a logarithmic axis are Matplotlib's own formulas.

    Args:
        figure: the figure.
        path: path of the file: a PDF if it ends in ``.pdf``, otherwise a PNG. Its folder is created
            if it is missing.
        dpi: dots per inch.

    Raises:
        OSError: with the file, if it cannot be written.
    """
    # To walk through a figure takes as long as to draw a part of it.
    found = figure.findobj(lambda each: isinstance(each, Axes | Text))
    axes = [each for each in found if isinstance(each, Axes)]
    formulas = {id(text) for each in axes for text in _plain_labels(each)}
    for text in found:
        if isinstance(text, Text) and id(text) not in formulas:
            text.set_parse_math(False)
            text.set_text(_drawn(text.get_text(), is_fitted=text.get_gid() == FITTED))
    path.parent.mkdir(parents=True, exist_ok=True)
    with warnings.catch_warnings():
        # Names may have characters that the font lacks, which are drawn as boxes.
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        # If there is not enough room for long names, they overlap the rest.
        warnings.filterwarnings("ignore", message="constrained_layout not applied")
        with writing(path, is_lasting=False) as part:
            if path.suffix == ".pdf":
                # Without a date, the same figure gives the same file.
                figure.savefig(part, dpi=dpi, format="pdf", metadata={"CreationDate": None})
            else:
                figure.savefig(part, dpi=dpi, format="png")


def save_drawing(draw: Callable[[], Figure | None], path: Path, dpi: int) -> bool:
    """Draw a figure to a file, and replace any earlier one.

    A figure matters less than the numbers beside it: if it cannot be drawn, there is a warning and
    no file.

    Args:
        draw: makes the figure; None if there is nothing to draw.
        path: path of the file.
        dpi: dots per inch.

    Returns:
        Whether there was something to draw.
    """
    try:
        path.unlink(missing_ok=True)
        if (figure := draw()) is None:
            return False
        save_figure(figure, path, dpi)
    except OSError:
        raise
    except Exception as error:
        reason = " ".join(str(error).split())
        warnings.warn(f"the figure {path} could not be drawn: {reason}", stacklevel=2)
    return True


def _plain_labels(axes: Axes) -> list[Text]:
    """Write tick labels literally, which are created when drawn, and return the formulas."""
    formulas: list[Text] = []
    for axis in (axes.xaxis, axes.yaxis):
        if isinstance(axis.get_major_formatter(), LogFormatter):
            formulas += [*axis.get_ticklabels(), *axis.get_ticklabels(minor=True)]
        elif isinstance(axis.get_major_locator(), FixedLocator):
            written = axis.get_major_formatter().format_ticks(list(axis.get_majorticklocs()))
            axis.set_ticklabels([_drawn(each) for each in written], parse_math=False)
    return formulas


def _drawn(text: str, is_fitted: bool = False) -> str:
    lines = [shown(line) for line in text.split("\n")]
    return "\n".join(lines if is_fitted else [shortened(each, MOST_LETTERS) for each in lines])
