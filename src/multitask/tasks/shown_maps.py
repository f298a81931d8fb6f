"""The maps of a figure: targets, predictions and errors."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from torch import Tensor


@dataclass(frozen=True)
class ShownMaps:
    """Maps of some samples, to be drawn beside each other.

    Args:
        target: numbers or class numbers, shape ``[samples, height, width]``, or colours from 0 to
            1, ``[samples, 3, height, width]``; floating, NaN where missing.
        prediction: likewise, for the predictions.
        error: error of each pixel, 0 or more, shape ``[samples, height, width]``, floating, NaN
            where the target is missing.
        what: meaning of the numbers, such as ``m``; not used for colours and classes.
        error_what: meaning of the errors, such as ``error (m)``.
        classes: names of the classes, if the numbers are class numbers.
    """

    target: Tensor
    prediction: Tensor
    error: Tensor
    what: str = ""
    error_what: str = "error"
    classes: Sequence[str] | None = None
