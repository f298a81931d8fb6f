"""Explanation of texts, numbers and categories, possibly together with images."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from multitask.after.explaining.explanation import Explanation, Wanted
from multitask.after.explaining.part_effects import part_effects
from multitask.after.explaining.parts import Part, column_parts, text_parts, whole_parts
from multitask.after.inputs.base import Cells
from multitask.after.inputs.made_inputs import made_inputs
from multitask.after.inputs.written_columns import WrittenColumns
from multitask.after.inputs.written_text import WrittenText
from multitask.after.new_samples import new_samples, one_text
from multitask.after.trained_model import IMAGE, TrainedModel
from multitask.errors import InputError
from multitask.images.decoding import UnusableImage, decode

MOST_SAMPLES = 16
GIVEN = "the text"
"""Name of a text that is given on the command line."""


def look_at_parts(trained: TrainedModel, wanted: Wanted) -> Explanation:
    """Find the contribution of each part of a sample for each task by removing it.

    Args:
        trained: a model with inputs other than images.
        wanted: what to analyse.

    Raises:
        InputError: if no sample can be used, or a setting is invalid.
    """
    names, cells, images, left_out = _named(trained, wanted)
    pixels: list[Any] = []
    for place, path in enumerate(images):
        found, reason = _decoded(trained, path)
        pixels.append(found)
        left_out += [f"{names[place]}, its image: {reason}"] if reason else []
    made, problems, _ = made_inputs(trained, cells, pixels if IMAGE in trained.model.inputs else [])
    left_out += [f"{names[place]} was skipped: {why}" for place, why in problems.items()]
    kept = [place for place in range(len(names)) if place not in problems]
    if not kept:
        raise InputError(f"no sample can be used; {'; '.join(left_out)}")
    cells = {name: _chosen(columns, kept) for name, columns in cells.items()}
    seen = trained.seen({name: each[kept] for name, each in made.items()})
    result = Explanation(trained, [names[place] for place in kept], seen=seen)
    result.left_out += left_out
    result.parts = list(_parts(trained, cells, len(kept), wanted.slow))
    for name in trained.model.named_tasks:
        result.effects[name] = part_effects(trained, name, seen, result.parts, wanted.choice)
    if IMAGE in trained.model.inputs:
        result.left_out.append(
            "Pixels of images: they are explained only in models of images alone."
        )
    return result


def _named(
    trained: TrainedModel, wanted: Wanted
) -> tuple[list[str], dict[str, Cells], list[str | None], list[str]]:
    """Names of samples, the cells of their inputs, their images, and remarks."""
    if wanted.text is not None:
        given, said = one_text(trained, wanted.text)
        return [GIVEN], given, [None], said
    found = new_samples(trained, list(wanted.images))
    left_out = list(found.remarks)
    if len(found) > MOST_SAMPLES:
        left_out.append(
            f"Of the {len(found):,} {found.noun}, only the first {MOST_SAMPLES} are used."
        )
    first = range(min(len(found), MOST_SAMPLES))
    left_out += [f"{found.names[at]}: {why}" for at, why in found.problems.items() if at in first]
    is_numbered = found.noun in ("rows", "lines") and IMAGE not in trained.model.inputs
    called = f"{found.noun[:-1]} " if is_numbered else ""
    cells: dict[str, Cells] = {
        name: _chosen(columns, first) for name, columns in found.cells.items()
    }
    names = [f"{called}{found.names[at]}" for at in first]
    return names, cells, [found.paths[at] for at in first], left_out


def _chosen(cells: Cells, places: Any) -> dict[str, list[Any]]:
    return {column: [each[place] for place in places] for column, each in cells.items()}


def _decoded(
    trained: TrainedModel, path: str | None
) -> tuple[np.ndarray[Any, Any] | None, str | None]:
    format = trained.image_format
    if path is None or format is None:
        return None, None
    try:
        return decode(Path(path), format)[0], None
    except (UnusableImage, OSError) as error:
        return None, str(error)


def _parts(
    trained: TrainedModel, cells: dict[str, Cells], samples: int, slow: bool
) -> Iterator[Part]:
    for name, written in trained.written.items():
        if isinstance(written, WrittenText):
            yield from text_parts(written, cells[name], samples, slow)
        elif isinstance(written, WrittenColumns):
            yield from column_parts(written, cells[name], samples)
    if trained.takes_missing and len(trained.model.inputs) > 1:
        yield from whole_parts(trained.model.inputs, samples)
