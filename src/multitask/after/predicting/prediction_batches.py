"""Conversion of batches of new samples to rows of a table."""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pyarrow as pa
import torch
from torch import Tensor

from multitask.after.image_list import PROBLEM, ImageList
from multitask.after.inputs.made_inputs import made_inputs
from multitask.after.inputs.written_text import WrittenText
from multitask.after.predicting.prediction_columns import arrow_column, columns_of, renamed
from multitask.after.predicting.word_labels import with_words
from multitask.after.trained_model import TrainedModel
from multitask.errors import InputError
from multitask.images.decoding import UnusableImage, decode
from multitask.tasks.base import Column

Decoded = np.ndarray[Any, Any] | str | None


class PredictedBatches:
    """A model's predictions for new samples, a batch at a time.

    Args:
        trained: the model.
        images: samples to predict for.
        has_embeddings: whether the shared representation is requested too.
        folder: folder for files of predictions that are not columns, such as maps.
        name: name of that folder in the table.

    Raises:
        InputError: if the checkpoint does not specify how an input is made.
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
        self.format, self.tasks = trained.image_format, trained.model.named_tasks
        self.has_cut = False
        self.stems = images.stems
        self._learn_columns()
        self.given = renamed(images.given, [*self.empty, PROBLEM])
        pairs = zip(images.given.column_names, self.given.column_names, strict=True)
        self.renamed = [(old, new) for old, new in pairs if old != new]

    @property
    def remarks(self) -> list[str]:
        """Remarks for the user on the batches so far."""
        if not self.has_cut:
            return []
        lengths = [
            f"{each.tokenizer.length} tokens ({name})"
            for name, each in self.trained.written.items()
            if isinstance(each, WrittenText)
        ]
        return [f"Of long texts, the model has read only the beginning: {', '.join(lengths)}"]

    def decode(self, row: int) -> Decoded:
        """Pixels of a sample's image, None if it has no image, or the reason why it cannot be used.

        Args:
            row: row in the list of samples.
        """
        path = self.images.paths[row]
        if path is None or self.format is None:
            return self.images.problems.get(row)
        try:
            if not stat.S_ISREG(os.stat(path).st_mode):
                return "it is not a regular file"
            return decode(Path(path), self.format)[0]
        except UnusableImage as error:
            return error.reason
        except MemoryError:
            return "it needs more memory than is available"
        except OSError as error:
            return error.strerror or str(error)

    def tables(self, rows: range, decoded: list[Decoded]) -> tuple[pa.Table, pa.Table | None]:
        """Predict for a batch.

        Args:
            rows: rows of the batch, in the list of samples.
            decoded: the result of `decode` for each.

        Returns:
            The rows of the table of predictions, and those of the table of embeddings.

        Raises:
            InputError: if the batch needs too much memory.
        """
        made, good, problems = self._made(rows, decoded)
        columns: dict[str, Column] = {}
        embedding: Tensor | None = None
        if good:
            predictions, embedding = self._computed(made)
            own = self._cells([rows[each] for each in good])
            columns = with_words(self.trained, columns_of(self.tasks, predictions), own)
            stems = [self.stems[rows[each]] for each in good]
            columns |= self._save(self.folder, stems, predictions)
        given = self.given.slice(rows.start, len(rows))
        cells = {
            name: arrow_column(columns[name], good, len(rows))
            if good
            else pa.nulls(len(rows), kind)
            for name, kind in self.empty.items()
        }
        reasons = [problems.get(each) for each in range(len(rows))]
        whole = {**dict(zip(given.column_names, given.columns, strict=True)), **cells}
        table = pa.table({**whole, PROBLEM: pa.array(reasons, pa.string())})
        if not self.features:
            return table, None
        names = pa.array(self.images.names[rows.start : rows.stop], pa.string())
        called = {self.images.name_column: names}
        return table, _embedding_table(called, embedding, good, self.features)

    def _made(
        self, rows: range, decoded: list[Decoded]
    ) -> tuple[dict[str, Tensor], list[int], dict[int, str]]:
        """The inputs of the usable samples, their rows, and the problems of the others."""
        problems = {place: each for place, each in enumerate(decoded) if isinstance(each, str)}
        good = [place for place in range(len(rows)) if place not in problems]
        if not good:
            return {}, good, problems
        cells = self._cells([rows[place] for place in good])
        pixels = [each for each in decoded if not isinstance(each, str)]
        made, wrong, cut = made_inputs(self.trained, cells, pixels)
        self.has_cut = self.has_cut or cut > 0
        problems |= {good[at]: reason for at, reason in wrong.items()}
        kept = torch.tensor([at for at in range(len(good)) if at not in wrong], dtype=torch.int64)
        made = {name: each[kept] for name, each in made.items()} if wrong else made
        return made, [good[at] for at in kept.tolist()], problems

    def _cells(self, rows: Sequence[int]) -> dict[str, Any]:
        """The cells of some samples, apart from images, by input and column."""
        return {
            name: {key: [each[row] for row in rows] for key, each in columns.items()}
            for name, columns in self.images.cells.items()
        }

    def _learn_columns(self) -> None:
        """Find the future columns by means of an empty sample."""
        first = {name: each[:1] for name, each in self.trained.examples().items()}
        predictions, embedding = self._computed(first)
        self.empty: dict[str, pa.DataType] = {
            name: arrow_column(values, [0], 1).type
            for name, values in columns_of(self.tasks, predictions).items()
        }
        with TemporaryDirectory() as folder:
            saved = self._save(Path(folder), ["0"], predictions)
        self.has_maps = bool(saved)
        self.empty |= dict.fromkeys(saved, pa.string())
        self.features = 0 if embedding is None else embedding.shape[1]

    def _computed(self, made: Mapping[str, Tensor]) -> tuple[dict[str, Tensor], Tensor | None]:
        try:
            if not self.has_embeddings:
                predictions, embedding = self.trained(made), None
            else:
                predictions, embedding = self.trained.predicted_and_embedded(made)
        except (torch.OutOfMemoryError, MemoryError) as error:
            size = len(next(iter(made.values())))
            raise InputError(
                f"a batch of {size} {self.images.noun} needs more memory than "
                f"{self.trained.device} has; give a smaller --batch_size"
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
    names: Mapping[str, pa.Array], embedding: Tensor | None, good: Sequence[int], features: int
) -> pa.Table:
    length = len(next(iter(names.values())))
    columns = {
        f"embedding.{place}": pa.nulls(length, pa.float32())
        if embedding is None
        else arrow_column(embedding[:, place], good, length)
        for place in range(features)
    }
    return pa.table({**names, **columns})
