"""The format of texts in a batch: one tensor of token numbers."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

END = -1
"""Padding after the end of a text, in place of a token."""


def is_text(values: Any) -> bool:
    """Return whether an input is a text: int32, shape ``[batch, places]``.

    No other input of a batch is int32 with two axes.
    """
    return isinstance(values, Tensor) and values.dtype == torch.int32 and values.ndim == 2


def text_mask(text: Tensor) -> Tensor:
    """Return which places hold a token.

    Args:
        text: token numbers, -1 after the end, shape ``[batch, places]``.

    Returns:
        Of the same shape, bool.
    """
    return text >= 0


def cut_to_longest(text: Tensor) -> Tensor:
    """Remove the places after the end of the longest text of a batch.

    Args:
        text: see `text_mask`.

    Returns:
        Shape ``[batch, places of the longest text]``, at least one place.
    """
    longest = int(text_mask(text).sum(1).max()) if len(text) else 1
    return text[:, : max(longest, 1)]
