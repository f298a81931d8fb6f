"""Samples with their targets and predictions: a table, and a page that needs no other file."""

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
    """A row for each sample.

    Args:
        index: each sample's place in its split.
        shown: by name, what each sample's inputs and maps look like: a text, or a picture of shape
            ``[height, width]``, or ``[height, width, 3]`` or more with colours.
        columns: by name, a cell for each sample.
    """

    index: list[int]
    shown: dict[str, list[Picture | str]]
    columns: dict[str, list[Cell]]

    @property
    def names(self) -> list[str]:
        """The names of a row's fields."""
        return ["index", *self.shown, *self.columns]

    def rows(self) -> list[tuple[Any, ...]]:
        """The fields of each row: index, what is shown, cells."""
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
    """Set samples' targets and predictions side by side.

    Args:
        tasks: the tasks by name.
        samples: what each looks like.
        targets: the samples' targets by task, and their ``index``.
        predictions: the samples' predictions by task.
        names: what the samples are called, such as their files, if they have names.
        called: name of the column of names.
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
    """Write the table as HTML, its pictures inside.

    Args:
        shown: the table.
        path: of the file.
        title: of the page.
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
