"""Contribution of each part of a sample for a task: the change if it is removed."""

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
"""Number of samples in a batch."""


@dataclass(frozen=True)
class PartEffects:
    """Effects of the parts of samples for one task.

    Args:
        what: description of the explained output.
        classes: the explained class for each sample; empty strings if the output is not a class.
        numbers: the explained output for each sample, ``[samples]``.
        effects: for each part, the output with the part minus the output without it, ``[parts]``.
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
    """Remove each part of each sample in turn, and measure the effect.

    Zeiler and Fergus (2014, section 4.2) do this with windows of images.

    A token is removed as if there were no token at its position, so that the others stay where they
    are. Numbers, categories and images are replaced by missing ones.

    Args:
        trained: the model.
        name: name of the task.
        seen: inputs of the model for the samples, in order, see `TrainedModel.seen`.
        parts: parts of the samples.
        choice: which of the task's outputs to explain.

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
            # A removed token has no label, so that only the other tokens count.
            for row, each in enumerate(some):
                counted[row, :, list(each.places)] = 0
            before = score([each[rows] for each in seen], counted)
        found.append((before - score(changed, counted)).cpu())
    return PartEffects(score.what, score.classes(seen), numbers.cpu(), torch.cat(found))


def _leave_out(values: Tensor, part: Part, trained: TrainedModel) -> None:
    """Remove a part of one sample's input, in place."""
    if part.places:
        values[list(part.places)] = END if is_text(values[None]) else torch.nan
    elif is_text(values[None]):
        (missing,) = trained.written[part.input].missing(1)
        values.copy_(missing[: len(values)])
    else:
        values.fill_(torch.nan)
