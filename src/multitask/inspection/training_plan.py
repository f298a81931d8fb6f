"""First training settings for a new table: batches, epochs and an encoder."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil
from typing import Any

from multitask.inspection.image_samples import LARGE
from multitask.inspection.table_inputs import NUMBERS, TEXT, Choice, TextInput

ENCODERS = "multitask.encoders"
LARGEST_BATCH, SMALLEST_BATCH = 64, 8
BATCHES_IN_AN_EPOCH = 8
STEPS, FEWEST_EPOCHS = 300, 3
SMALLEST_FOR_THREE = 8
"""Pixels that three convolutions need, each of which halves the image."""
FEWEST_FOR_ORDER = 2000
"""Number of texts from which word order can be learned; with fewer, only the words are used."""


@dataclass(frozen=True)
class TrainingPlan:
    """Settings for a first training.

    Args:
        batch_size: number of samples in a batch.
        epochs: number of epochs.
        steps: number of steps in all epochs.
        encoder: class path of the encoder.
        encoder_settings: its arguments; encoders inside it are given by ``class_path`` and
            ``init_args``.
        learning_rate: learning rate of AdamW.
    """

    batch_size: int
    epochs: int
    steps: int
    encoder: str
    encoder_settings: dict[str, Any]
    learning_rate: float


def training_plan(
    samples: int,
    size: tuple[int, int] | None,
    channels: int,
    maps: bool = False,
    choice: Choice | None = None,
) -> TrainingPlan:
    """Choose settings: a few hundred steps, with at least 8 per epoch if there are enough samples.

    Args:
        samples: number of training samples.
        size: height and width of the images; None if there are none.
        channels: number of channels of the images.
        maps: whether a target is a map.
        choice: which columns are inputs; default: none.
    """
    batch = LARGEST_BATCH
    while batch > SMALLEST_BATCH and batch * BATCHES_IN_AN_EPOCH > samples:
        batch //= 2
    batch = min(batch, samples)
    in_epoch = samples // batch
    epochs = max(FEWEST_EPOCHS, ceil(STEPS / in_epoch))
    found: dict[str, tuple[str, dict[str, Any], float]] = {}
    if size is not None:
        found["image"] = _of_images(size, channels, maps)
    if choice is not None and choice.text is not None:
        found[TEXT] = _of_texts(samples, choice.text)
    if choice is not None and choice.numbers is not None:
        found[NUMBERS] = (f"{ENCODERS}.Columns", {"sizes": choice.numbers.sizes}, 0.003)
    if len(found) == 1:
        encoder, settings, rate = next(iter(found.values()))
    else:
        encoder, rate = f"{ENCODERS}.Several", min(rate for _, _, rate in found.values())
        parts = {name: {"class_path": of, "init_args": own} for name, (of, own, _) in found.items()}
        settings = {"encoders": parts}
    return TrainingPlan(batch, epochs, in_epoch * epochs, encoder, settings, rate)


def _of_images(
    size: tuple[int, int], channels: int, maps: bool
) -> tuple[str, dict[str, Any], float]:
    settings: dict[str, Any] = {"in_channels": channels}
    if maps:
        small = max(size) < LARGE
        name, rate = ("test_resnet", 0.002) if small else ("resnet18", 0.001)
        return f"{ENCODERS}.TimmMaps", {"name": name, "pretrained": False, **settings}, rate
    if max(size) < LARGE:
        if min(size) < SMALLEST_FOR_THREE:
            settings["channels"] = [32]
        return f"{ENCODERS}.ConvNet", settings, 0.005
    return f"{ENCODERS}.Timm", {"name": "resnet18", "pretrained": False, **settings}, 0.001


def _of_texts(samples: int, text: TextInput) -> tuple[str, dict[str, Any], float]:
    vocabulary = {"vocabulary": text.tokenizer.vocabulary}
    if samples < FEWEST_FOR_ORDER and text.is_words:
        return f"{ENCODERS}.BagOfTokens", vocabulary, 0.01
    return f"{ENCODERS}.TextTransformer", {**vocabulary, "length": text.tokenizer.length}, 0.001
