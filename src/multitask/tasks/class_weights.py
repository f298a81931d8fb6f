"""Weights of classes in the loss of a classification."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import torch
from torch import Tensor

from multitask.errors import InputError

ClassWeights = Sequence[float] | Literal["balanced"] | None


def check_weights(num_classes: int, given: ClassWeights, effective_number: float | None) -> None:
    """Reject invalid weights.

    Args:
        num_classes: number of classes.
        given: a weight for each class, ``balanced`` or None.
        effective_number: see `balanced_weights`.

    Raises:
        InputError: says what would be valid.
    """
    if isinstance(given, str):
        if given != "balanced":
            raise InputError(
                f"class_weights is '{given}'; give balanced, or a number for each class"
            )
    elif given is not None and len(given) != num_classes:
        raise InputError(
            f"class_weights has {len(given)} entries, but num_classes is {num_classes}; give one "
            "for each class"
        )
    if effective_number is None:
        return
    if given != "balanced":
        raise InputError(
            f"effective_number is {effective_number}, which only affects balanced weights; set "
            "class_weights to balanced, or remove it"
        )
    if not 0 <= effective_number < 1:
        raise InputError(
            f"effective_number is {effective_number}; it must be at least 0 and below 1, such as "
            "0.99"
        )


def factors(num_classes: int, given: ClassWeights) -> Tensor:
    """The weights that are known without the data; 1 if none are given.

    Args:
        num_classes: number of classes.
        given: see `check_weights`.

    Returns:
        Shape ``[num_classes]``, float32.

    Raises:
        InputError: if a weight is negative or not finite, or all are 0.
    """
    if given is None or isinstance(given, str):
        return torch.ones(num_classes)
    found = torch.tensor(list(given)).float()
    if not found.isfinite().all() or found.min() < 0 or found.max() == 0:
        raise InputError(
            f"class_weights are {found.tolist()}; they must be finite, 0 or more, and not all 0"
        )
    return found


def balanced_weights(counts: Tensor, effective_number: float | None = None) -> Tensor:
    """Weigh each class by the inverse of its frequency, or of its effective number of samples.

    The effective number of n samples is ``(1 - b^n) / (1 - b)``, which never exceeds ``1 / (1 -
    b)`` (Cui et al., 2019, "Class-Balanced Loss Based on Effective Number of Samples"). A class
    without a sample has the same weight as a class with one sample.

    Args:
        counts: number of training labels of each class, shape ``[classes]``, floating.
        effective_number: the b of the formula, from 0 to below 1; None for the frequency itself.

    Returns:
        Shape ``[classes]``, float32; their mean over the training labels is 1.
    """
    seen = counts.double().clamp_min(1)
    if effective_number is not None:
        # A power close to 1 is lost in rounding unless it is computed from its logarithm.
        power = torch.tensor(effective_number, dtype=torch.float64).log() * seen
        seen = -torch.expm1(power) / (1 - effective_number)
    weights = 1 / seen
    return (weights * counts.sum() / (weights * counts).sum()).float()
