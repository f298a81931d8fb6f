"""How similar the layers of two trained networks are, for the same samples."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from multitask.after.explaining.similarity import aligned, layer_grams
from multitask.after.trained_model import IMAGE, TrainedModel
from multitask.errors import InputError

MOST_LAYERS = 12
MOST_SAMPLES, FEWEST_SAMPLES, PIXELS = 256, 32, 2**21
"""Samples that go through a network at once, and their pixels, which must fit into memory with what
the layers make of them. They are never fewer than 32, unless there are fewer."""

Alignments = tuple[list[str], list[str], Tensor]
"""Names of one network's layers, of another's, and the CKA of each two, ``[layers, layers]``."""


def samples_at_once(trained: TrainedModel) -> int:
    """How many samples of a model's size go through it at once."""
    format = trained.image_format
    if format is None:
        return MOST_SAMPLES
    return max(FEWEST_SAMPLES, min(MOST_SAMPLES, PIXELS // (format.height * format.width)))


def spread(count: int, most: int) -> Tensor:
    """Places of at most ``most`` samples of ``count``, evenly spaced, int64."""
    return torch.linspace(0, count - 1, min(most, count), dtype=torch.float64).long()


def seen_by(trained: TrainedModel, given: Tensor | Sequence[Tensor]) -> list[Tensor]:
    """What a model's encoder takes, in the order of its inputs.

    Args:
        trained: the model.
        given: images before transforms, ``[batch, channels, height, width]``, uint8, or floating
            and of the numbers that transforms take; or what the encoder takes.
    """
    if not isinstance(given, Tensor):
        return [each.to(trained.device) for each in given]
    if not given.is_floating_point():
        return [trained.inputs(given)]
    return [trained.transforms(given.to(trained.device, trained.precision))]


def compare_layers(
    one: TrainedModel, two: TrainedModel, given: Tensor | Sequence[Tensor]
) -> Alignments:
    """Compare each layer of a network with each of another's.

    Each network sees images through its own transforms.

    Args:
        one: whose layers are the rows.
        two: whose layers are the columns.
        given: see `seen_by`; at least 4 samples.

    Raises:
        InputError: if the networks take different inputs, or one has no layer to compare.
    """
    if _taken(one) != _taken(two):
        what = "images" if list(one.model.inputs) == [IMAGE] else "inputs"
        raise InputError(f"{two.source} takes other {what} than {one.source}")
    rows, columns = (
        layer_grams(each.model.encoder, seen_by(each, given), MOST_LAYERS) for each in (one, two)
    )
    for each, found in ((one, rows), (two, columns)):
        if not found:
            raise InputError(f"the encoder of {each.source} has no convolution and no linear layer")
    values = [[aligned(own, other) for other in columns.values()] for own in rows.values()]
    return list(rows), list(columns), torch.tensor(values)


def _taken(trained: TrainedModel) -> list[Any]:
    """What a model takes, by which it is compared with another."""
    told = trained.description["inputs"]
    return [
        (name, trained.image_format if name == IMAGE else told.get(name))
        for name in trained.model.inputs
    ]
