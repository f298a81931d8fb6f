"""Similarity of the layers of two trained networks on the same samples."""

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
"""Most and fewest samples per batch, and most pixels, which must fit into memory with their
activations. A batch has fewer than 32 samples only if no more exist."""

Alignments = tuple[list[str], list[str], Tensor]
"""Layer names of two networks, and the CKA of each pair of layers, ``[layers, layers]``."""


def samples_at_once(trained: TrainedModel) -> int:
    """The number of samples in a batch, given the size of a model."""
    format = trained.image_format
    if format is None:
        return MOST_SAMPLES
    return max(FEWEST_SAMPLES, min(MOST_SAMPLES, PIXELS // (format.height * format.width)))


def spread(count: int, most: int) -> Tensor:
    """Evenly spaced indices of at most ``most`` of ``count`` samples, int64."""
    return torch.linspace(0, count - 1, min(most, count), dtype=torch.float64).long()


def seen_by(trained: TrainedModel, given: Tensor | Sequence[Tensor]) -> list[Tensor]:
    """Prepare samples for a model's encoder, in the order of its inputs.

    Args:
        trained: the model.
        given: images before transforms, ``[batch, channels, height, width]``, uint8, or
            floating-point values as the transforms expect; or the inputs of the encoder.
    """
    if not isinstance(given, Tensor):
        return [each.to(trained.device) for each in given]
    if not given.is_floating_point():
        return [trained.inputs(given)]
    return [trained.transforms(given.to(trained.device, trained.precision))]


def compare_layers(
    one: TrainedModel, two: TrainedModel, given: Tensor | Sequence[Tensor]
) -> Alignments:
    """Compare each layer of one network with each layer of another.

    Each network gets images through its own transforms.

    Args:
        one: model whose layers are the rows.
        two: model whose layers are the columns.
        given: see `seen_by`; at least 4 samples.

    Raises:
        InputError: if the networks have different inputs, or one has no layer to compare.
    """
    if _taken(one) != _taken(two):
        what = "images" if list(one.model.inputs) == [IMAGE] else "inputs"
        raise InputError(f"{two.source} accepts other {what} than {one.source}")
    rows, columns = (
        layer_grams(each.model.encoder, seen_by(each, given), MOST_LAYERS) for each in (one, two)
    )
    for each, found in ((one, rows), (two, columns)):
        if not found:
            raise InputError(f"the encoder of {each.source} has no convolution and no linear layer")
    values = [[aligned(own, other) for other in columns.values()] for own in rows.values()]
    return list(rows), list(columns), torch.tensor(values)


def _taken(trained: TrainedModel) -> list[Any]:
    """The inputs of a model, for the comparison with another."""
    told = trained.description["inputs"]
    return [
        (name, trained.image_format if name == IMAGE else told.get(name))
        for name in trained.model.inputs
    ]
