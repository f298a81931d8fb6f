"""Predictions for any number of new images, as a file that a killed program finishes later."""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pyarrow as pa
import torch
from torch import Tensor

from multitask.after.image_list import PROBLEM, ImageList
from multitask.after.prediction_columns import arrow_column, columns_of, renamed
from multitask.after.prediction_parts import PredictionParts, folder_of_parts, move_without_loss
from multitask.after.shared_work import SharedWork
from multitask.after.table_output import check_ending, write_table
from multitask.after.trained_model import BATCH, TrainedModel
from multitask.errors import InputError, unwritable
from multitask.images.chunks import silent_pillow
from multitask.images.decoding import UnusableImage, decode
from multitask.images.ordered_threads import in_order, usable_cores
from multitask.images.progress_line import Progress
from multitask.tasks.base import Column

ROWS = 2048
"""Of a part; a killed program loses less than this."""
MOST_CELLS = 4_000_000
"""Of a part, so that one of many classes fits into memory."""
VERSION = "1"
"""Of how images become predictions and parts; parts of another one are not taken up."""
EMBEDDING = ".embeddings"


@dataclass(frozen=True)
class Outcome:
    """What has become of the images.

    Args:
        images: their number.
        problems: how many of them could not be used.
        files: what was written.
    """

    images: int
    problems: int
    files: list[Path]


class Prediction:
    """One table of predictions to be written.

    Args:
        trained: the model.
        images: what to predict for.
        output: the table; its ending decides its form.
        batch_size: images that go through the model at a time.
        embeddings: a second table, of what the tasks share of each image.
        work: this process's share.
        rows: of a part, rounded down to whole batches.

    Raises:
        InputError: if a file is there already, or the model takes no image files.
    """

    def __init__(
        self,
        trained: TrainedModel,
        images: ImageList,
        output: Path,
        batch_size: int = BATCH,
        embeddings: Path | None = None,
        work: SharedWork | None = None,
        rows: int = ROWS,
    ) -> None:
        self.trained, self.images, self.batch_size = trained, images, batch_size
        self.output, self.embeddings, self.work = output, embeddings, work or SharedWork()
        self.format, self.tasks = trained.format, trained.model.named_tasks
        self.stems = images.stems
        self._learn_columns()
        self.given = renamed(images.given, [*self.empty, PROBLEM])
        self.renamed = [
            (old, new)
            for old, new in zip(images.given.column_names, self.given.column_names, strict=True)
            if old != new
        ]
        most = MOST_CELLS // (len(self.empty) + self.features)
        self.rows = max(1, min(rows, most) // batch_size) * batch_size
        self.maps = output.with_suffix("")
        count = -(-len(images) // self.rows)
        self.parts = PredictionParts(output, {}, count)

    def run(self) -> Outcome:
        """Predict for all images, and write the table.

        Raises:
            InputError: if a file cannot be written, or the model needs too much memory.
        """
        with self._told():
            return self._run()

    def _run(self) -> Outcome:
        self.work.first(self._begin)
        with silent_pillow(), self._threads():
            self._predict(self.parts.missing(self.work.rank, self.work.size))
        self.work.wait()
        problems = 0
        files = [self.output, *([self.embeddings] if self.embeddings else [])]
        if self.work.is_first:
            problems = self._join()
        self.work.wait()
        return Outcome(len(self.images), problems, files)

    @contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            advice = "choose another place with --output=, or give the same command again"
            raise unwritable(error, str(self.output), advice) from error

    @contextmanager
    def _threads(self) -> Iterator[None]:
        """Leave a core to those that decode, for which threads of one batch would wait."""
        usual = torch.get_num_threads()
        if self.trained.device.type == "cpu":
            torch.set_num_threads(max(1, min(usual, usable_cores() - 1)))
        try:
            yield
        finally:
            torch.set_num_threads(usual)

    def _begin(self) -> None:
        for option, path in (("output", self.output), ("embeddings", self.embeddings)):
            if path is None:
                continue
            check_ending(path, option)
            if path.exists() and not (option == "embeddings" and self.parts.are_joined()):
                raise InputError(f"{path} is there already; choose another name with --{option}=")
        if self.has_maps and self.maps.exists() and not self.parts.are_joined():
            raise InputError(
                f"the maps would go to {self.maps}, which is there already; choose another name "
                "with --output="
            )
        self.parts.key = self._key()
        with self._told():
            self.parts.open()

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

    def _key(self) -> dict[str, str]:
        return {
            "the model": _digest_of_model(self.trained),
            "the images": _digest_of_images(self.images),
            "batch_size": str(self.batch_size),
            "embeddings": str(self.embeddings is not None),
            "the version": f"{VERSION}, {self.rows} rows",
        }

    def _predict(self, numbers: Sequence[int]) -> None:
        progress = Progress("predicted for", 0, sum(len(self._span(each)) for each in numbers))
        places = chain.from_iterable(map(self._span, numbers))
        decoded = in_order(self._decode, places, ahead=2 * self.batch_size)
        for number in numbers:
            span = self._span(number)
            tables: list[tuple[pa.Table, pa.Table | None]] = []
            for first in range(span.start, span.stop, self.batch_size):
                rows = range(first, min(first + self.batch_size, span.stop))
                tables.append(self._batch(rows, [next(decoded) for _ in rows]))
                if self.work.is_first:
                    progress.step(len(rows))
            if self.embeddings is not None:
                vectors = pa.concat_tables([each for _, each in tables if each is not None])
                self.parts.write(vectors, number, EMBEDDING)
            self.parts.write(pa.concat_tables([each for each, _ in tables]), number)

    def _span(self, number: int) -> range:
        return range(number * self.rows, min((number + 1) * self.rows, len(self.images)))

    def _decode(self, row: int) -> np.ndarray[Any, Any] | str:
        """Pixels, or why there are none."""
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

    def _batch(
        self, rows: range, decoded: list[np.ndarray[Any, Any] | str]
    ) -> tuple[pa.Table, pa.Table | None]:
        good = [place for place, each in enumerate(decoded) if not isinstance(each, str)]
        columns: dict[str, Column] = {}
        embedding: Tensor | None = None
        if good:
            pixels = torch.from_numpy(np.stack([decoded[each] for each in good]))
            predictions, embedding = self._computed(pixels)
            columns = columns_of(self.tasks, predictions)
            stems = [self.stems[rows[each]] for each in good]
            columns |= self._save(self.parts.files, stems, predictions)
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

    def _computed(self, pixels: Tensor) -> tuple[dict[str, Tensor], Tensor | None]:
        try:
            if self.embeddings is None:
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
                columns[column] = [(self.output.stem / each).as_posix() for each in inner]
        return columns

    def _join(self) -> int:
        """Write the tables; returns how many images could not be used."""
        numbers = range(self.parts.count)
        tables = [("", self.output), (EMBEDDING, self.embeddings)]
        whole: list[tuple[Path, Path]] = []
        for of, path in tables:
            if path is not None:
                place = folder_of_parts(self.output) / f"whole{of}"
                write_table((self.parts.path(each, of) for each in numbers), place, _ending(path))
                whole.append((place, path))
        problems = sum(self.parts.problems(each) for each in numbers)
        was_joined = self.parts.are_joined()
        self.parts.say_joined()
        if self.has_maps and self.parts.files.exists():
            os.rename(self.parts.files, self.maps)
        # The table last, since it says that all is there.
        for place, path in reversed(whole):
            if not (was_joined and path == self.embeddings and path.exists()):
                path.parent.mkdir(parents=True, exist_ok=True)
                move_without_loss(place, path)
        self.parts.remove()
        return problems


def _ending(path: Path) -> str:
    return path.suffix.lower()


def _embedding_table(
    names: pa.Array, embedding: Tensor | None, good: Sequence[int], features: int
) -> pa.Table:
    columns = {
        f"embedding.{place}": pa.nulls(len(names), pa.float32())
        if embedding is None
        else arrow_column(embedding[:, place], good, len(names))
        for place in range(features)
    }
    return pa.table({"file": names, **columns})


def _digest_of_model(trained: TrainedModel) -> str:
    digest = hashlib.sha256(repr((trained.description, trained.transforms)).encode())
    for name, tensor in trained.model.state_dict().items():
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}".encode())
        digest.update(tensor.detach().cpu().contiguous().flatten().view(torch.uint8).numpy())
    return digest.hexdigest()


def _digest_of_images(images: ImageList) -> str:
    digest = hashlib.sha256()
    for row, path in enumerate(images.paths):
        found = images.problems.get(row, "") if path is None else _stamp(path)
        digest.update(f"{path!r} {found}\n".encode(errors="backslashreplace"))
    for batch in images.given.to_batches(max_chunksize=ROWS):
        digest.update(repr(batch.to_pydict()).encode(errors="backslashreplace"))
    return digest.hexdigest()


def _stamp(path: str) -> str:
    try:
        found = os.stat(path)
    except OSError as error:
        return str(error.errno)
    return f"{found.st_size} {found.st_mtime_ns}"
