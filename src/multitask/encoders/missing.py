"""Which samples lack an input."""

from __future__ import annotations

import torch
from torch import Tensor

from multitask.tokenizers import Tokenizer
from multitask.tokenizers.text_batch import is_text


def is_missing(values: Tensor) -> Tensor:
    """Tell which samples of an input are missing.

    A missing image, or row of numbers, is all NaN. A missing text has none but special tokens.

    Args:
        values: an input of a batch, first axis ``[batch]``.

    Returns:
        Shape ``[batch]``, bool.
    """
    if is_text(values):
        return (values < Tokenizer.specials).all(1)
    if values.is_floating_point():
        return values.flatten(1).isnan().all(1)
    return torch.zeros(len(values), dtype=torch.bool, device=values.device)
