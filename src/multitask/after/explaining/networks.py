"""How similar the layers of two trained networks are, for the same images."""

from __future__ import annotations

import torch
from torch import Tensor

from multitask.after.explaining.similarity import aligned, layer_grams
from multitask.after.trained_model import TrainedModel
from multitask.errors import InputError

MOST_LAYERS = 12
MOST_SAMPLES, FEWEST_SAMPLES, PIXELS = 256, 32, 2**21
"""Samples that go through a network at once, and their pixels, which must fit into memory with what
the layers make of them. They are never fewer than 32, unless there are fewer."""

Alignments = tuple[list[str], list[str], Tensor]
"""Names of one network's layers, of another's, and the CKA of each two, ``[layers, layers]``."""


def samples_at_once(trained: TrainedModel) -> int:
    """How many samples of a model's size go through it at once."""
    pixels = trained.format.height * trained.format.width
    return max(FEWEST_SAMPLES, min(MOST_SAMPLES, PIXELS // pixels))


def spread(count: int, most: int) -> Tensor:
    """Places of at most ``most`` samples of ``count``, evenly spaced, int64."""
    return torch.linspace(0, count - 1, min(most, count), dtype=torch.float64).long()


def seen_by(trained: TrainedModel, images: Tensor) -> Tensor:
    """What a model's encoder takes of images before transforms.

    Args:
        trained: the model.
        images: ``[batch, channels, height, width]``, uint8, or floating and of the numbers that
            transforms take.
    """
    if not images.is_floating_point():
        return trained.inputs(images)
    return trained.transforms(images.to(trained.device, trained.precision))


def compare_layers(one: TrainedModel, two: TrainedModel, images: Tensor) -> Alignments:
    """Compare each layer of a network with each of another's.

    Each network sees the images through its own transforms.

    Args:
        one: whose layers are the rows.
        two: whose layers are the columns.
        images: see `seen_by`; at least 4.

    Raises:
        InputError: if the networks take different images, or one has no layer to compare.
    """
    if one.format != two.format:
        raise InputError(f"{two.source} takes other images than {one.source}")
    rows, columns = (
        layer_grams(each.model.encoder, [seen_by(each, images)], MOST_LAYERS) for each in (one, two)
    )
    for each, found in ((one, rows), (two, columns)):
        if not found:
            raise InputError(f"the encoder of {each.source} has no convolution and no linear layer")
    values = [[aligned(own, other) for other in columns.values()] for own in rows.values()]
    return list(rows), list(columns), torch.tensor(values)
