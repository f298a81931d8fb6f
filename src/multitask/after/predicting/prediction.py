"""Predictions for any number of new samples, as a file that a restart after a crash completes."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

import pyarrow as pa
import torch

from multitask.after.image_list import ImageList
from multitask.after.predicting.digests import digest_of_images, digest_of_model
from multitask.after.predicting.prediction_batches import Decoded, PredictedBatches
from multitask.after.predicting.prediction_parts import (
    FILES,
    PredictionParts,
    folder_of_parts,
    move_without_loss,
)
from multitask.after.predicting.shared_work import SharedWork
from multitask.after.predicting.table_output import check_ending, write_table
from multitask.after.trained_model import BATCH, TrainedModel
from multitask.errors import InputError, unwritable
from multitask.images.chunks import silent_pillow
from multitask.images.ordered_threads import in_order, usable_cores
from multitask.images.progress_line import Progress

ROWS = 2048
"""Most rows of a part; a killed program loses less than this."""
MOST_CELLS = 4_000_000
"""Most values of a part, so that a part with many classes fits into memory."""
VERSION = "1"
"""Version of the computation of predictions and parts; parts of other versions are not reused."""
EMBEDDING = ".embeddings"
PAUSE = 0.02
"""Seconds between two looks for the next part."""
SWITCH = 0.0002
"""Longest time in seconds for which a thread that decodes keeps Python's lock from the one that
predicts; Python's own 0.005 made predicting a fiftieth slower."""


@dataclass(frozen=True)
class Outcome:
    """Outcome for the samples.

    Args:
        images: number of samples.
        problems: number of samples that could not be used.
        files: files written.
    """

    images: int
    problems: int
    files: list[Path]


class Prediction:
    """A table of predictions to write.

    Args:
        trained: the model.
        images: samples to predict for.
        output: the table, whose extension determines its format.
        batch_size: number of samples per batch.
        embeddings: a second table with each sample's shared representation.
        work: this process's share of the work.
        rows: number of rows of a part, rounded down to whole batches.

    Raises:
        InputError: if a file already exists, or the checkpoint does not specify how inputs are
            made.
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
        # Beside the table, and named as for the table of `multitask predict --ckpt_path`.
        self.maps = output.with_suffix("")
        files = folder_of_parts(output) / FILES
        self.batches = PredictedBatches(
            trained, images, embeddings is not None, files, self.maps.name
        )
        most = MOST_CELLS // (len(self.batches.empty) + self.batches.features)
        self.rows = max(1, min(rows, most) // batch_size) * batch_size
        self.parts = PredictionParts(output, {}, -(-len(images) // self.rows))
        self._has_failed = False

    def run(self) -> Outcome:
        """Predict for all samples, and write the table.

        Raises:
            InputError: if a file cannot be written, or the model needs too much memory.
        """
        with closing(self.parts), self._told():
            return self._run()

    def _run(self) -> Outcome:
        self.work.first(self._begin)
        with self._writing() as written:
            with silent_pillow(), self._threads():
                self._predict(self.parts.missing(self.work.rank, self.work.size))
            self.work.wait()
        problems = 0
        if self.work.is_first:
            problems = self._publish([each.result() for each in written])
        self.work.wait()
        files = [self.output, *([self.embeddings] if self.embeddings else [])]
        return Outcome(len(self.images), problems, files)

    @contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            advice = "choose another place with --output=, or run the same command again"
            raise unwritable(error, str(self.output), advice) from error

    @contextmanager
    def _threads(self) -> Iterator[None]:
        """Leave a core for decoding, so that the threads of a batch do not wait for it."""
        usual, switch = torch.get_num_threads(), sys.getswitchinterval()
        if self.trained.device.type == "cpu":
            torch.set_num_threads(max(1, min(usual, usable_cores() - 1)))
        sys.setswitchinterval(SWITCH)
        try:
            yield
        finally:
            torch.set_num_threads(usual)
            sys.setswitchinterval(switch)

    def _begin(self) -> None:
        if self.embeddings is not None and self.embeddings.resolve() == self.output.resolve():
            raise InputError(f"--output and --embeddings are both {self.output}; give two names")
        for option, path in (("output", self.output), ("embeddings", self.embeddings)):
            if path is None:
                continue
            check_ending(path, option)
            if path.exists() and not (option == "embeddings" and self.parts.are_joined()):
                raise InputError(f"{path} already exists; choose another name with --{option}=")
        if self.batches.has_maps and self.maps.exists() and not self.parts.are_joined():
            raise InputError(
                f"the maps would go to {self.maps}, which already exists; choose another name "
                "with --output="
            )
        self.parts.key = self._key()
        with self._told():
            self.parts.open()

    def _key(self) -> dict[str, str]:
        return {
            "the model": digest_of_model(self.trained),
            f"the {self.images.noun}": digest_of_images(self.images),
            "batch_size": str(self.batch_size),
            "embeddings": str(self.embeddings is not None),
            "the version": f"{VERSION}, {self.rows} rows",
        }

    def _predict(self, numbers: Sequence[int]) -> None:
        progress = Progress("predicted for", 0, sum(len(self._span(each)) for each in numbers))
        places = chain.from_iterable(map(self._span, numbers))
        ahead = 2 * self.batch_size
        # After an error, its threads would otherwise wait for more as long as the error is known.
        with closing(in_order(self.batches.decode, places, ahead)) as decoded:
            for number in numbers:
                self._predict_part(number, decoded, progress)

    def _predict_part(self, number: int, decoded: Iterator[Decoded], progress: Progress) -> None:
        span = self._span(number)
        tables: list[tuple[pa.Table, pa.Table | None]] = []
        for first in range(span.start, span.stop, self.batch_size):
            rows = range(first, min(first + self.batch_size, span.stop))
            tables.append(self.batches.tables(rows, [next(decoded) for _ in rows]))
            if self.work.is_first:
                progress.step(len(rows))
        if self.embeddings is not None:
            vectors = pa.concat_tables([each for _, each in tables if each is not None])
            self.parts.write(vectors, number, EMBEDDING)
        self.parts.write(pa.concat_tables([each for each, _ in tables]), number)

    def _span(self, number: int) -> range:
        return range(number * self.rows, min((number + 1) * self.rows, len(self.images)))

    @contextmanager
    def _writing(self) -> Iterator[list[Future[tuple[Path, Path]]]]:
        """Write the tables in threads, so that the cores that predict do not wait for that."""
        tables = [("", self.output), (EMBEDDING, self.embeddings)]
        own = [(of, path) for of, path in tables if path is not None and self.work.is_first]
        with ThreadPoolExecutor(len(tables)) as pool:
            try:
                yield [pool.submit(self._write, of, path) for of, path in own]
            except BaseException:
                # The threads would wait forever for the next part.
                self._has_failed = True
                raise

    def _write(self, of: str, path: Path) -> tuple[Path, Path]:
        """Write a table from its parts; returns its temporary path and its final one."""
        place = folder_of_parts(self.output) / f"whole{of}"
        write_table(self._finished(of), place, _ending(path))
        return place, path

    def _finished(self, of: str) -> Iterator[Path]:
        """The parts of a table in order, each as soon as any process has written it."""
        for path in (self.parts.path(each, of) for each in range(self.parts.count)):
            while not path.is_file():
                if self._has_failed:
                    return
                time.sleep(PAUSE)
            yield path

    def _publish(self, whole: Sequence[tuple[Path, Path]]) -> int:
        """Move the tables to their final paths, and return the number of unusable images."""
        problems = sum(self.parts.problems(each) for each in range(self.parts.count))
        was_joined = self.parts.are_joined()
        self.parts.say_joined()
        if self.batches.has_maps and self.parts.files.exists():
            os.rename(self.parts.files, self.maps)
        # The table comes last, since its presence means that everything is complete.
        for place, path in reversed(whole):
            if not (was_joined and path == self.embeddings and path.exists()):
                path.parent.mkdir(parents=True, exist_ok=True)
                move_without_loss(place, path)
        self.parts.remove()
        return problems


def _ending(path: Path) -> str:
    return path.suffix.lower()
