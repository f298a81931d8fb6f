"""Weights of positive labels in the loss."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import torch
from torch import Tensor

from multitask.errors import InputError

PositiveWeights = Sequence[float] | Literal["balanced"] | None


def balanced_factors(positive: Tensor, negative: Tensor) -> Tensor:
    """The factors that give positive and negative samples the same weight in training.

    Args:
        positive: number of training samples with each label, shape ``[labels]``, floating.
        negative: number of samples without it.

    Returns:
        Shape ``[labels]``; a count of 0 is treated as 1, so that a factor is neither 0 nor
        infinite.
    """
    return negative.clamp_min(1) / positive.clamp_min(1)


def positive_factors(size: int, given: PositiveWeights) -> Tensor:
    """The factors that are known without the data; 1 if none are given.

    Args:
        size: number of labels.
        given: a factor for each label, ``balanced`` or None.

    Returns:
        Shape ``[size]``, float32.

    Raises:
        InputError: if their number differs from that of the labels, or one is negative or not
            finite.
    """
    if given is None or given == "balanced":
        return torch.ones(size)
    if isinstance(given, str) or len(given) != size:
        said = f"is '{given}'" if isinstance(given, str) else f"has {len(given)} entries"
        raise InputError(
            f"positive_weights {said}; give balanced, or a number for each of the {size} labels"
        )
    found = torch.tensor(list(given)).float()
    if not found.isfinite().all() or found.min() < 0:
        raise InputError(
            f"positive_weights are {found.tolist()}; they must be finite and 0 or more"
        )
    return found
