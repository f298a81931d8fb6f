"""Ensuring that images are normalised only once, for weights that expect it."""

from __future__ import annotations

from typing import Any

import torch
from lightning.pytorch.utilities import rank_zero_warn
from torch import nn

from multitask.encoders.normalisation import Normalisation
from multitask.remarks.pixels import are_from_0_to_1

LOOKED_AT = 8


def settle_normalisation(model: nn.Module, data: Any) -> None:
    """Leave normalisation to the data if they normalise, and report it.

    Args:
        model: a model whose encoder may normalise images.
        data: a `multitask.data.DataModule`, loaded.
    """
    ours = [each for each in model.modules() if isinstance(each, Normalisation) and each.is_set]
    if ours and _data_normalise(data):
        for each in ours:
            each.clear()
        rank_zero_warn(
            "the data normalises its images, so the pretrained encoder does not do so again; "
            "make sure that the mean and deviation match those of its weights, or remove Normalize "
            "from data.init_args.transforms"
        )


def _data_normalise(data: Any) -> bool:
    if any("Normalize" in type(each).__name__ for each in data.transforms.modules()):
        return True
    split = data.splits["train"]
    places = torch.linspace(0, len(split) - 1, min(LOOKED_AT, len(split))).long()
    inputs = split.inputs(places)
    return "image" in inputs and not are_from_0_to_1(inputs["image"])
