"""Assembly of all inputs of some samples."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from multitask.after.inputs.base import Cells
from multitask.after.inputs.taker import Taker
from multitask.pages.words import listed

IMAGE = "image"


def made_inputs(
    model: Taker,
    cells: Mapping[str, Cells],
    pixels: Sequence[np.ndarray[Any, Any] | None] = (),
) -> tuple[dict[str, Tensor], dict[int, str], int]:
    """Make all inputs of some samples.

    Args:
        model: the model that uses them.
        cells: for each input other than images, its source, see
            `multitask.after.inputs.base.WrittenInput.made`.
        pixels: pixels of each sample, uint8, ``[channels, height, width]``, or None if it has no
            image; empty if the model has no image input.

    Returns:
        Values by input, first axis ``[samples]``; by sample, the reason why it cannot be used; and
        the number of texts that were longer than the model accepts.
    """
    made: dict[str, Tensor] = {}
    gone: dict[str, Tensor] = {}
    problems: dict[int, str] = {}
    cut = 0
    for name, written in model.written.items():
        found = written.made(cells[name])
        made[name], gone[name] = found.values, found.missing
        cut += found.cut
        for sample, reason in found.problems.items():
            problems.setdefault(sample, reason)
    format = model.image_format
    if format is not None:
        gone[IMAGE] = torch.tensor([each is None for each in pixels], dtype=torch.bool)
        made[IMAGE] = _images(pixels, format.shape)
    for sample, reason in _lacking(model, gone).items():
        problems.setdefault(sample, reason)
    return made, problems, cut


def _images(pixels: Sequence[np.ndarray[Any, Any] | None], shape: tuple[int, int, int]) -> Tensor:
    if all(each is not None for each in pixels):
        return torch.from_numpy(np.stack([each for each in pixels if each is not None]))
    # uint8 values cannot represent a missing image.
    found = torch.full((len(pixels), *shape), torch.nan)
    for place, each in enumerate(pixels):
        if each is not None:
            found[place] = torch.from_numpy(each).float() / 255
    return found


def _lacking(model: Taker, gone: Mapping[str, Tensor]) -> dict[int, str]:
    """Samples that lack required inputs, with the reason by sample."""
    table = torch.stack([gone[name] for name in model.takes], 1)
    if model.takes_missing:
        none = f"it has none of {listed(model.takes)}"
        return dict.fromkeys(table.all(1).nonzero()[:, 0].tolist(), none)
    found: dict[int, str] = {}
    for sample, place in table.nonzero().tolist():
        found.setdefault(sample, _said(model, model.takes[place]))
    return found


def _said(model: Taker, name: str) -> str:
    if name == IMAGE:
        return "it has no image"
    if model.written[name].given.is_text:
        return "its text is empty"
    columns = model.written[name].columns
    return f"its {listed(columns)} {'are all' if len(columns) > 1 else 'is'} missing"
