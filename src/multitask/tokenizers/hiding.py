"""Which tokens of a text are hidden or dropped, chosen at random."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

Specials = int | Sequence[int]
"""Tokens that stand for no characters: all numbers below one, or a list of numbers."""


def own_tokens(text: Tensor, specials: Specials) -> Tensor:
    """Which places hold a token that stands for characters.

    Args:
        text: token numbers, -1 behind the end, shape ``[batch, places]``.
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
    """Choose tokens of each text, never all, since a text without tokens is a missing one.

    Args:
        text: see `own_tokens`.
        draws: uniform from 0 to below 1, of the same shape.
        share: probability of each token, from 0 to 1.
        specials: tokens that are not chosen.

    Returns:
        Of the same shape, bool.
    """
    own = own_tokens(text, specials)
    draws = draws.where(own, -1.0)
    # The one with the largest number stays.
    return own & (draws < share) & (draws < draws.amax(1, keepdim=True))
