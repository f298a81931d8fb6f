"""Random choice of the tokens of a text to mask or drop."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

Specials = int | Sequence[int]
"""Special tokens, which stand for no characters: all numbers below one, or a list of numbers."""


def own_tokens(text: Tensor, specials: Specials) -> Tensor:
    """Return which places hold a token that stands for characters.

    Args:
        text: token numbers, -1 after the end, shape ``[batch, places]``.
        specials: see `multitask.tokenizers.Tokenizer.specials`.

    Returns:
        Of the same shape, bool.
    """
    if isinstance(specials, int):
        return text >= max(specials, 0)
    found = text >= 0
    for number in specials:
        found = found & (text != number)
    return found


def chosen_tokens(text: Tensor, draws: Tensor, share: float, specials: Specials) -> Tensor:
    """Choose tokens of each text, but never all, because a text without tokens counts as missing.

    Args:
        text: see `own_tokens`.
        draws: uniform in [0, 1), of the same shape.
        share: probability of each token, from 0 to 1.
        specials: tokens that are not chosen.

    Returns:
        Of the same shape, bool.
    """
    own = own_tokens(text, specials)
    draws = draws.where(own, -1.0)
    # The token with the largest number is kept.
    return own & (draws < share) & (draws < draws.amax(1, keepdim=True))
