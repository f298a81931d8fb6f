"""Random removal of tokens from texts."""

from __future__ import annotations

from torch import Tensor

from multitask.augmentation.text import TextAugmentation
from multitask.tokenizers import END, chosen_tokens


class DropTokens(TextAugmentation):
    """Removes some tokens, but never all tokens of a text; the following tokens move up.

    Word dropout, as in Iyyer et al., 2015, "Deep Unordered Composition Rivals Syntactic Methods for
    Text Classification". It cannot be combined with per-token targets, which would not move with
    the tokens.

    Args:
        probability: probability of removing each token that stands for characters.
        input: name of the text to change; default: all texts.
        specials: tokens that are never removed: all numbers below one, or a list of numbers.
    """

    shifts = True

    def forward(self, texts: Tensor, draws: Tensor) -> Tensor:
        chosen = chosen_tokens(texts, draws, self.probability, self.specials)
        left = texts.masked_fill(chosen, END)
        # Stable, so that the remaining tokens keep their order.
        return left.gather(1, (left < 0).byte().argsort(dim=1, stable=True))
