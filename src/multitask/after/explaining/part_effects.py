"""How much each part of a sample counts for a task: what changes if it is missing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from multitask.after.explaining.parts import Part
from multitask.after.explaining.score import OF_TOKENS, Choice, Score
from multitask.after.trained_model import TrainedModel
from multitask.tokenizers import END, is_text

TOGETHER = 128
"""Samples that go through the model at a time."""


@dataclass(frozen=True)
class PartEffects:
    """What the parts of samples count for one task.

    Args:
        what: which number is explained, in words.
        classes: which class is explained of each sample; empty texts if it is not one class.
        numbers: the explained number of each sample, ``[samples]``.
        effects: of each part, by how much the number is higher with the part than without,
            ``[parts]``.
    """

    what: str
    classes: list[str]
    numbers: Tensor
    effects: Tensor


@torch.no_grad()
def part_effects(
    trained: TrainedModel,
    name: str,
    seen: Sequence[Tensor],
    parts: Sequence[Part],
    choice: Choice,
) -> PartEffects:
    """Leave out each part of each sample by itself (Zeiler and Fergus, 2014, section 4.2, where
    windows of images are left out).

    A token is left out as if no token were at its place, so that the others stay where they are; a
    number, a category and an image are left out as missing ones.

    Args:
        trained: the model.
        name: of the task.
        seen: what the model takes of the samples, in the order of its inputs, see
            `TrainedModel.seen`.
        parts: of the samples.
        choice: which of the task's outputs.

    Raises:
        InputError: if the task has no such class or element.
    """
    score = Score(trained, name, choice)
    weights = score.weights(seen)
    numbers = score(seen, weights)
    places = {name: place for place, name in enumerate(trained.model.inputs)}
    found = [torch.empty(0)]
    for begin in range(0, len(parts), TOGETHER):
        some = parts[begin : begin + TOGETHER]
        rows = torch.tensor([each.sample for each in some], device=trained.device)
        changed = [each[rows] for each in seen]
        for row, each in enumerate(some):
            _leave_out(changed[places[each.input]][row], each, trained)
        counted = None if weights is None else weights[rows]
        before = numbers[rows]
        if counted is not None and counted.ndim == OF_TOKENS:
            # What is left out has no label of its own, so that the others' count alone.
            for row, each in enumerate(some):
                counted[row, :, list(each.places)] = 0
            before = score([each[rows] for each in seen], counted)
        found.append((before - score(changed, counted)).cpu())
    return PartEffects(score.what, score.classes(seen), numbers.cpu(), torch.cat(found))


def _leave_out(values: Tensor, part: Part, trained: TrainedModel) -> None:
    """Leave out a part of one sample's input, in place."""
    if part.places:
        values[list(part.places)] = END if is_text(values[None]) else torch.nan
    elif is_text(values[None]):
        (missing,) = trained.written[part.input].missing(1)
        values.copy_(missing[: len(values)])
    else:
        values.fill_(torch.nan)
