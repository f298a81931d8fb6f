"""Statistics of an encoder's inputs, and inputs that it does not support."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from multitask.augmentation import MaskTokens
from multitask.data.dataset import ROWS, BatchDataset
from multitask.encoders import Columns, Encoder, FromRun
from multitask.errors import InputError

MOST = 100_000
"""Maximum number of samples for statistics; of more, evenly spaced ones are used."""
IMAGE, SETTING = "image", "model.encoder"


def encoder_of(trunk: nn.Module) -> Encoder:
    """The encoder of a model, or the first of several with the same settings.

    Args:
        trunk: the sharing scheme's trunk: the encoder itself, or a module that contains it.
    """
    return next(each for each in trunk.modules() if isinstance(each, Encoder))


def learn_input_statistics(trunk: nn.Module, data: Any) -> None:
    """Let the encoders learn the statistics that they need and lack, such as means.

    Each process reads the same samples.

    Args:
        trunk: a module that contains the encoders.
        data: a `multitask.data.DataModule`, loaded.
    """
    samples: BatchDataset = data.splits["train"]
    rows = torch.linspace(0, len(samples) - 1, min(MOST, len(samples)), dtype=torch.float64).long()
    read: dict[str, Tensor] = {}
    for each in trunk.modules():
        if isinstance(each, Encoder) and each.needs_statistics:
            for name in each.inputs:
                if name not in read:
                    parts = [samples.one_input(name, some) for some in rows.split(ROWS)]
                    read[name] = torch.cat(parts)
            each.learn_statistics([read[name] for name in each.inputs])


def check_precision(trunk: nn.Module, precision: str) -> None:
    """Reject a precision that rounds the columns of a table, for example 2021 to 2016.

    Args:
        trunk: see `encoder_of`.
        precision: precision of the Trainer.

    Raises:
        InputError: suggests a sufficient precision.
    """
    is_half = precision in ("16-true", "bf16-true")
    if is_half and any(isinstance(each, Columns) for each in trunk.modules()):
        raise InputError(
            f"precision {precision} rounds the numbers and categories of Columns before it "
            f"standardises them; use {precision.replace('true', 'mixed')} or 32-true"
        )


def check_encoder_inputs(trunk: nn.Module, data: Any, split: str) -> None:
    """Reject inputs that the encoder does not support.

    For images, only the first values and which are missing are checked; other inputs are fully
    checked.

    Args:
        trunk: see `encoder_of`.
        data: a `multitask.data.DataModule`, loaded.
        split: ``train``, ``val`` or ``test``; before training the others are checked too.

    Raises:
        InputError: says what to change.
    """
    encoder = encoder_of(trunk)
    _check_names(encoder, data.splits[split])
    names = data.splits if split == "train" else (split,)
    for each in names:
        if len(data.splits[each]):
            if not encoder.takes_missing:
                _refuse_lacking(encoder, data, each)
            _check_values(encoder, data.splits[each])
    if split == "train":
        _check_masks(encoder, data)


def _check_names(encoder: Encoder, samples: BatchDataset) -> None:
    first = samples[torch.arange(1)]
    for name in encoder.inputs:
        if name not in first:
            known = [each for each in first if each not in (*samples.targets, "index")]
            raise InputError(
                f"the encoder {type(encoder).__name__} needs the input '{name}', which the data "
                f"does not have; it has {', '.join(known)}"
            )


def _refuse_lacking(encoder: Encoder, data: Any, split: str) -> None:
    for name in encoder.inputs:
        lacking = data.splits[split].lacking(name)
        if lacking.any():
            place, count = int(lacking.nonzero()[0]), int(lacking.sum())
            names = data.names(split)
            called = f"sample {place}" if names is None else names[place]
            which = f"{called} has" if count == 1 else f"{count} samples, such as {called}, have"
            raise InputError(
                f"{split} data: {which} no input '{name}', which the encoder "
                f"{type(encoder).__name__} needs; remove such samples, or put the encoder "
                "into a multitask.encoders.Several, which then uses the other inputs"
            )


def _check_values(encoder: Encoder, samples: BatchDataset) -> None:
    rows = torch.arange(len(samples))
    are_small = [name for name in encoder.inputs if name != IMAGE]
    for some in rows.split(ROWS) if are_small else [rows[:1]]:
        inputs = [
            samples.one_input(name, rows[:1] if name == IMAGE else some) for name in encoder.inputs
        ]
        try:
            encoder.check_inputs(inputs, SETTING)
        except InputError as error:
            source = encoder.source
            if source is None or source.setting != FromRun.__name__:
                raise
            # No setting changes it.
            what = str(error).partition(";")[0].removeprefix(f"{SETTING}.init_args.")
            raise InputError(f"FromRun: of the checkpoint's encoder {what}") from error


def _check_masks(encoder: Encoder, data: Any) -> None:
    """Reject an augmentation that inserts a token unknown to the encoder into texts."""
    row = torch.zeros(1, dtype=torch.int64)
    inputs = {name: data.splits["train"].one_input(name, row) for name in encoder.inputs}
    for each in data.augmentations.augmentations:
        if isinstance(each, MaskTokens):
            texts = each.texts(inputs)
            masked = {name: torch.full_like(inputs[name][:, :1], each.mask) for name in texts}
            try:
                encoder.check_inputs([*(inputs | masked).values()], SETTING)
            except InputError as error:
                raise InputError(
                    f"augmentations: mask of MaskTokens is {each.mask}: {error}"
                ) from error
