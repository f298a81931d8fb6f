"""From batches of new images to rows of a table."""

from __future__ import annotations

import os
import stat
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pyarrow as pa
import torch
from torch import Tensor

from multitask.after.image_list import FILE, PROBLEM, ImageList
from multitask.after.predicting.prediction_columns import arrow_column, columns_of, renamed
from multitask.after.trained_model import TrainedModel
from multitask.errors import InputError
from multitask.images.decoding import UnusableImage, decode
from multitask.tasks.base import Column


class PredictedBatches:
    """What a model says of new images, a batch at a time.

    Args:
        trained: the model.
        images: what to predict for.
        has_embeddings: whether what the tasks share is asked for too.
        folder: where files of predictions that are not columns go, such as maps.
        name: what that folder is called in the table.

    Raises:
        InputError: if the model takes no image files.
    """

    def __init__(
        self,
        trained: TrainedModel,
        images: ImageList,
        has_embeddings: bool,
        folder: Path,
        name: str,
    ) -> None:
        self.trained, self.images, self.has_embeddings = trained, images, has_embeddings
        self.folder, self.name = folder, name
        self.format, self.tasks = trained.format, trained.model.named_tasks
        self.stems = images.stems
        self._learn_columns()
        self.given = renamed(images.given, [*self.empty, PROBLEM])
        pairs = zip(images.given.column_names, self.given.column_names, strict=True)
        self.renamed = [(old, new) for old, new in pairs if old != new]

    def decode(self, row: int) -> np.ndarray[Any, Any] | str:
        """Pixels of an image, or why there are none.

        Args:
            row: of the list of images.
        """
        path = self.images.paths[row]
        if path is None:
            return self.images.problems[row]
        try:
            if not stat.S_ISREG(os.stat(path).st_mode):
                return "it is not a regular file"
            return decode(Path(path), self.format)[0]
        except UnusableImage as error:
            return error.reason
        except MemoryError:
            return "it needs more memory than there is"
        except OSError as error:
            return error.strerror or str(error)

    def tables(
        self, rows: range, decoded: list[np.ndarray[Any, Any] | str]
    ) -> tuple[pa.Table, pa.Table | None]:
        """Predict for a batch.

        Args:
            rows: of the batch, in the list of images.
            decoded: what `decode` returned for each.

        Returns:
            The rows of the table of predictions, and those of the table of embeddings.

        Raises:
            InputError: if the batch needs too much memory.
        """
        good = [place for place, each in enumerate(decoded) if not isinstance(each, str)]
        columns: dict[str, Column] = {}
        embedding: Tensor | None = None
        if good:
            pixels = torch.from_numpy(np.stack([decoded[each] for each in good]))
            predictions, embedding = self._computed(pixels)
            columns = columns_of(self.tasks, predictions)
            stems = [self.stems[rows[each]] for each in good]
            columns |= self._save(self.folder, stems, predictions)
        given = self.given.slice(rows.start, len(rows))
        cells = {
            name: arrow_column(columns[name], good, len(rows))
            if good
            else pa.nulls(len(rows), kind)
            for name, kind in self.empty.items()
        }
        problems = [each if isinstance(each, str) else None for each in decoded]
        whole = {**dict(zip(given.column_names, given.columns, strict=True)), **cells}
        table = pa.table({**whole, PROBLEM: pa.array(problems, pa.string())})
        if not self.features:
            return table, None
        names = pa.array(self.images.names[rows.start : rows.stop], pa.string())
        return table, _embedding_table(names, embedding, good, self.features)

    def _learn_columns(self) -> None:
        """Which columns there will be, from an image that is black."""
        black = torch.zeros(1, *self.format.shape, dtype=torch.uint8)
        predictions, embedding = self._computed(black)
        self.empty: dict[str, pa.DataType] = {
            name: arrow_column(values, [0], 1).type
            for name, values in columns_of(self.tasks, predictions).items()
        }
        with TemporaryDirectory() as folder:
            saved = self._save(Path(folder), ["0"], predictions)
        self.has_maps = bool(saved)
        self.empty |= dict.fromkeys(saved, pa.string())
        self.features = 0 if embedding is None else embedding.shape[1]

    def _computed(self, pixels: Tensor) -> tuple[dict[str, Tensor], Tensor | None]:
        try:
            if not self.has_embeddings:
                predictions, embedding = self.trained(pixels), None
            else:
                predictions, embedding = self.trained.predicted_and_embedded(pixels)
        except (torch.OutOfMemoryError, MemoryError) as error:
            raise InputError(
                f"a batch of {len(pixels)} images needs more memory than {self.trained.device} "
                "has; give a smaller --batch_size"
            ) from error
        on_cpu = {name: each.cpu() for name, each in predictions.items()}
        return on_cpu, None if embedding is None else embedding.float().cpu()

    def _save(
        self, folder: Path, stems: Sequence[str], predictions: dict[str, Tensor]
    ) -> dict[str, Column]:
        columns: dict[str, Column] = {}
        for name, task in self.tasks.items():
            for column, paths in task.save(folder / name, stems, predictions[name]).items():
                inner = [Path(each).relative_to(folder) for each in paths]
                columns[column] = [(self.name / each).as_posix() for each in inner]
        return columns


def _embedding_table(
    names: pa.Array, embedding: Tensor | None, good: Sequence[int], features: int
) -> pa.Table:
    columns = {
        f"embedding.{place}": pa.nulls(len(names), pa.float32())
        if embedding is None
        else arrow_column(embedding[:, place], good, len(names))
        for place in range(features)
    }
    return pa.table({FILE: names, **columns})
