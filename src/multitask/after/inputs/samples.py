"""Conversion of samples from a program to inputs of a model."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from pandas import DataFrame
from torch import Tensor

from multitask.after.inputs.made_inputs import made_inputs
from multitask.after.inputs.table_columns import columns_of_inputs, said_of_lacking
from multitask.after.new_images import pixels_of
from multitask.errors import InputError, nearest
from multitask.images.ordered_threads import in_order
from multitask.pages.words import listed

if TYPE_CHECKING:
    from multitask.after.trained_model import TrainedModel

IMAGE = "image"
AXES_OF_SEVERAL = 4


class LacksInput(UserWarning):
    """A table lacks an input that the model does not require."""


Sample = dict[str, Any]
"""A user's values for one sample, by input."""


def made_batches(
    trained: TrainedModel, samples: Any, batch_size: int
) -> Iterator[dict[str, Tensor]]:
    """Convert samples to inputs of a model, a batch at a time.

    Args:
        trained: the model.
        samples: one or several samples. An image is a path, a Pillow image, or an array or tensor
            of shape ``[height, width]``, ``[height, width, channels]`` or ``[channels, height,
            width]``, with bytes from 0 to 255 or floats from 0 to 1. Images may differ in size;
            several of the same size may be one array with an additional first axis. A text is a
            string, or a tuple of several that belong together. Numbers and categories are a
            dictionary by column, or a tuple in the order of the columns. For a model with several
            inputs, a sample is a dictionary by input. Several samples are a list or any other
            iterable of these, or a DataFrame with the columns used in training.
        batch_size: number of samples per batch.

    Yields:
        Values by input, see `multitask.after.trained_model.TrainedModel.seen`.

    Raises:
        InputError: if there is no sample, or one cannot be used, with its name.
    """
    format = trained.image_format
    several = enumerate(_several(trained, samples))

    def decoded(each: tuple[int, Any]) -> tuple[int, Sample, Any]:
        place, given = each
        sample = _by_input(trained, given, place)
        image = sample.get(IMAGE)
        pixels = None
        if format is not None and image is not None and not _is_missing(image):
            pixels = pixels_of(image, format, place)
        return place, sample, pixels

    read = in_order(decoded, several, 2 * batch_size)
    is_empty = True
    while batch := list(islice(read, batch_size)):
        is_empty = False
        yield _made(trained, batch)
    if is_empty:
        what = "images" if set(trained.model.inputs) == {IMAGE} else "samples"
        raise InputError(f"there are no {what} to predict for; give at least one")


def _made(trained: TrainedModel, batch: list[tuple[int, Sample, Any]]) -> dict[str, Tensor]:
    cells: dict[str, dict[str, list[Any]]] = {}
    for name, written in trained.written.items():
        rows = []
        for place, sample, _ in batch:
            try:
                rows.append(written.cells_of(sample.get(name)))
            except InputError as error:
                raise InputError(f"sample {place}: {error}") from error
        cells[name] = {column: [row[column] for row in rows] for column in written.columns}
    made, problems, _ = made_inputs(trained, cells, [pixels for _, _, pixels in batch])
    if problems:
        first = min(problems)
        raise InputError(f"sample {batch[first][0]}: {problems[first]}")
    return made


def _several(trained: TrainedModel, samples: Any) -> Iterable[Any]:
    inputs = list(trained.model.inputs)
    if isinstance(samples, DataFrame):
        return _rows(trained, samples)
    if isinstance(samples, Mapping) or samples is None:
        return [samples]
    if inputs == [IMAGE]:
        return [samples] if _is_image(samples) else samples
    # A tuple is one sample of several texts or numbers.
    is_one = isinstance(samples, str | tuple | int | float) or not isinstance(samples, Iterable)
    return [samples] if is_one else samples


def _rows(trained: TrainedModel, table: DataFrame) -> Iterator[Sample]:
    names = [str(each) for each in table.columns]
    wanted = columns_of_inputs(trained, names, "the table")
    for each in said_of_lacking(trained, wanted, "the table"):
        warnings.warn(each, LacksInput, stacklevel=2)
    cells = {column: table[column].tolist() for columns in wanted.values() for column in columns}
    for row in range(len(table)):
        found: Sample = {
            name: {column: cells[column][row] for column in columns}
            for name, columns in wanted.items()
        }
        if IMAGE in found:
            (found[IMAGE],) = found[IMAGE].values()
        yield found


def _by_input(trained: TrainedModel, given: Any, place: int) -> Sample:
    inputs = list(trained.model.inputs)
    if len(inputs) == 1:
        (name,) = inputs
        columns = trained.written[name].columns if name in trained.written else []
        is_named = isinstance(given, Mapping) and set(given) == {name} and name not in columns
        return dict(given) if is_named else {name: given}
    if not isinstance(given, Mapping):
        raise InputError(
            f"sample {place}: the model accepts {listed(inputs)}; give a dictionary with these, "
            f"such as {{{', '.join(f'{each!r}: ...' for each in inputs)}}}"
        )
    for name in given:
        if name not in inputs:
            hint = nearest(str(name), inputs) or f"; its inputs are {listed(inputs)}"
            raise InputError(f"sample {place}: the model has no input '{name}'{hint}")
    return dict(given)


def _is_missing(image: Any) -> bool:
    # As in a DataFrame.
    return isinstance(image, float) and image != image


def _is_image(images: Any) -> bool:
    # Arrays and Pillow images are iterable, or have a length, themselves.
    if isinstance(images, np.ndarray | Tensor):
        return images.ndim < AXES_OF_SEVERAL
    return not isinstance(images, list | tuple) and (
        isinstance(images, str | Path) or hasattr(images, "mode") or hasattr(images, "read")
    )
