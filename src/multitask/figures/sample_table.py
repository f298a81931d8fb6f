"""Images beside their targets and predictions: a table, and a page that needs no other file."""

from __future__ import annotations

import base64
import html
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.image import imsave
from torch import Tensor

from multitask.figures.drawing import displayable
from multitask.tasks import Task
from multitask.tasks.base import Cell

Picture = np.ndarray[Any, np.dtype[np.uint8]]
STYLE = """
body { font-family: system-ui, sans-serif; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
th { position: sticky; top: 0; background: white; }
th, td { padding: 0.2rem 0.6rem; border-bottom: 1px solid #ddd; text-align: left; }
img { height: 6rem; image-rendering: pixelated; }
"""


@dataclass(frozen=True)
class SampleTable:
    """A row for each sample.

    Args:
        index: each sample's place in its split.
        images: each of shape ``[height, width]``, or ``[height, width, 3]`` or more with colours.
        columns: by name, a cell for each sample.
    """

    index: list[int]
    images: list[Picture]
    columns: dict[str, list[Cell]]

    @property
    def names(self) -> list[str]:
        """The names of a row's fields."""
        return ["index", "image", *self.columns]

    def rows(self) -> list[tuple[Any, ...]]:
        """The fields of each row: index, image, cells."""
        return list(zip(self.index, self.images, *self.columns.values(), strict=True))


def sample_table(
    tasks: Mapping[str, Task],
    images: Tensor,
    targets: Mapping[str, Tensor],
    predictions: Mapping[str, Tensor],
    files: Sequence[str] | None = None,
) -> SampleTable:
    """Set samples' targets and predictions side by side.

    Args:
        tasks: the tasks by name.
        images: shape ``[samples, channels, height, width]``, any range.
        targets: the samples' targets by task, and their ``index``.
        predictions: the samples' predictions by task, each ``[samples, out_features]``.
        files: the samples' files, where they have any.
    """
    columns: dict[str, list[Cell]] = {} if files is None else {"file": list(files)}
    columns |= {
        f"{name} {column}": cells
        for name, task in tasks.items()
        for column, cells in task.side_by_side(predictions[name], targets[name]).items()
    }
    pictures = [(255 * displayable(each)).round().byte().numpy() for each in images]
    return SampleTable(targets["index"].tolist(), pictures, columns)


def write_page(table: SampleTable, path: Path, title: str) -> None:
    """Write the table as HTML, its images inside.

    Args:
        table: the table.
        path: of the file.
        title: of the page.
    """
    lines = [_line("th", map(html.escape, table.names))]
    for index, image, *cells in table.rows():
        lines.append(_line("td", [str(index), _embedded(image), *map(_written, cells)]))
    head = f"<meta charset='utf-8'><title>{html.escape(title)}</title><style>{STYLE}</style>"
    body = "\n".join(["<table>", *lines, "</table>"])
    page = f"<!doctype html><html><head>{head}</head><body>{body}</body></html>\n"
    path.write_text(page, encoding="utf-8")


def _line(kind: str, fields: Iterable[str]) -> str:
    return "<tr>" + "".join(f"<{kind}>{field}</{kind}>" for field in fields) + "</tr>"


def _embedded(image: Picture) -> str:
    file = BytesIO()
    imsave(file, image if image.ndim == 3 else np.stack(3 * [image], axis=2), format="png")
    return f'<img src="data:image/png;base64,{base64.b64encode(file.getvalue()).decode()}">'


def _written(cell: Cell) -> str:
    if cell is None:
        return ""
    return html.escape(f"{cell:.4g}" if isinstance(cell, float) else str(cell))
