"""How to train on a table that nobody has trained on: batches, epochs and an encoder."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil
from typing import Any

from multitask.inspection.image_samples import LARGE

LARGEST_BATCH, SMALLEST_BATCH = 64, 8
BATCHES_IN_AN_EPOCH = 8
STEPS, FEWEST_EPOCHS = 300, 3
SMALLEST_FOR_THREE = 8
"""Pixels that three convolutions need, each of which halves the image."""


@dataclass(frozen=True)
class TrainingPlan:
    """Settings for a first training.

    Args:
        batch_size: samples in a batch.
        epochs: number of epochs.
        steps: of all epochs.
        encoder: class path.
        encoder_settings: its arguments.
        learning_rate: of AdamW.
    """

    batch_size: int
    epochs: int
    steps: int
    encoder: str
    encoder_settings: dict[str, Any]
    learning_rate: float


def training_plan(
    samples: int, size: tuple[int, int], channels: int, maps: bool = False
) -> TrainingPlan:
    """Choose settings: a few hundred steps, of at least 8 in an epoch if there are enough.

    Args:
        samples: of the training split.
        size: height and width of the images.
        channels: of the images.
        maps: whether a target is a map.
    """
    batch = LARGEST_BATCH
    while batch > SMALLEST_BATCH and batch * BATCHES_IN_AN_EPOCH > samples:
        batch //= 2
    batch = min(batch, samples)
    in_epoch = samples // batch
    epochs = max(FEWEST_EPOCHS, ceil(STEPS / in_epoch))
    settings: dict[str, Any] = {"in_channels": channels}
    if maps:
        small = max(size) < LARGE
        name, rate = ("test_resnet", 0.002) if small else ("resnet18", 0.001)
        encoder = "multitask.encoders.TimmMaps"
        settings = {"name": name, "pretrained": False, **settings}
    elif max(size) < LARGE:
        encoder, rate = "multitask.encoders.ConvNet", 0.005
        if min(size) < SMALLEST_FOR_THREE:
            settings["channels"] = [32]
    else:
        encoder, rate = "multitask.encoders.Timm", 0.001
        settings = {"name": "resnet18", "pretrained": False, **settings}
    return TrainingPlan(batch, epochs, in_epoch * epochs, encoder, settings, rate)
