"""Texts with some tokens left out."""

from __future__ import annotations

from torch import Tensor

from multitask.augmentation.text import TextAugmentation
from multitask.tokenizers import END, chosen_tokens


class DropTokens(TextAugmentation):
    """Leaves out some tokens, but never all of a text; those behind move up.

    Word dropout, as in Iyyer et al., 2015, "Deep Unordered Composition Rivals Syntactic Methods for
    Text Classification". It does not go with targets of tokens, which would not move with them.

    Args:
        probability: of each token that stands for characters.
        input: name of the text that it changes; default: all texts.
        specials: tokens that it never leaves out: all numbers below one, or a list of numbers.
    """

    shifts = True

    def forward(self, texts: Tensor, draws: Tensor) -> Tensor:
        chosen = chosen_tokens(texts, draws, self.probability, self.specials)
        left = texts.masked_fill(chosen, END)
        # Stable, so that the others keep their order.
        return left.gather(1, (left < 0).byte().argsort(dim=1, stable=True))
