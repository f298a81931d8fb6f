"""Samples with their targets and predictions: a table, and a self-contained page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from torch import Tensor

from multitask.data.faces import Shown
from multitask.pages.blocks import Heading, Table, Text
from multitask.pages.html import picture, write_html
from multitask.tasks import Task
from multitask.tasks.base import Cell

Picture = np.ndarray[Any, np.dtype[np.uint8]]


@dataclass(frozen=True)
class SampleTable:
    """A table with one row per sample.

    Args:
        index: index of each sample in its split.
        shown: by name, the display form of each sample's inputs and maps: a text, or a picture of
            shape ``[height, width]``, or ``[height, width, channels]`` with at least 3 channels.
        columns: by name, a cell for each sample.
    """

    index: list[int]
    shown: dict[str, list[Picture | str]]
    columns: dict[str, list[Cell]]

    @property
    def names(self) -> list[str]:
        """The names of the fields of a row."""
        return ["index", *self.shown, *self.columns]

    def rows(self) -> list[tuple[Any, ...]]:
        """The fields of each row: index, inputs and maps, cells."""
        columns = [*self.shown.values(), *self.columns.values()]
        return list(zip(self.index, *columns, strict=True))


def sample_table(
    tasks: Mapping[str, Task],
    samples: Sequence[Shown],
    targets: Mapping[str, Tensor],
    predictions: Mapping[str, Tensor],
    names: Sequence[str] | None = None,
    called: str = "file",
) -> SampleTable:
    """Put samples' targets and predictions side by side.

    Args:
        tasks: the tasks by name.
        samples: display forms of the samples.
        targets: the samples' targets by task, and their ``index``.
        predictions: the samples' predictions by task.
        names: names of the samples, such as their files, if any.
        called: name of the column with the names.
    """
    columns: dict[str, list[Cell]] = {} if names is None else {called: list(names)}
    columns |= {
        f"{name} {column}": cells
        for name, task in tasks.items()
        for column, cells in task.side_by_side(predictions[name], targets[name]).items()
    }
    shown = {name: [_pixels(each[name]) for each in samples] for name in samples[0]}
    return SampleTable(targets["index"].tolist(), shown, columns)


def write_table(shown: SampleTable, path: Path, title: str) -> None:
    """Write the table as HTML with embedded pictures.

    Args:
        shown: the table.
        path: path of the file.
        title: title of the page.
    """
    rows = [[_written(field) for field in row] for row in shown.rows()]
    write_html([Heading(title, 1), Table(shown.names, rows, of_samples=True)], path, title)


def _pixels(shown: Tensor | str) -> Picture | str:
    return shown if isinstance(shown, str) else (255 * shown).round().byte().numpy()


def _written(field: Picture | Cell) -> Text:
    if isinstance(field, np.ndarray):
        return picture(field)
    if field is None:
        return ""
    return f"{field:.4g}" if isinstance(field, float) else str(field)
