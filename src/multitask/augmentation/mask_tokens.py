"""Random masking of tokens in texts."""

from __future__ import annotations

from torch import Tensor

from multitask.augmentation.text import TextAugmentation
from multitask.errors import InputError
from multitask.tokenizers import Specials, chosen_tokens


class MaskTokens(TextAugmentation):
    """Replaces some tokens by the mask token, but never all tokens of a text.

    Args:
        probability: probability of masking each token that stands for characters.
        mask: number of the mask token.
        input: name of the text to change; default: all texts.
        specials: tokens that are never changed: all numbers below one, or a list of numbers.
    """

    def __init__(
        self,
        probability: float = 0.1,
        mask: int = 2,
        input: str | None = None,
        specials: Specials = 3,
    ) -> None:
        super().__init__(probability, input, specials)
        if mask < 0:
            raise InputError(f"mask is {mask}; give the number of a token, 0 or more")
        self.mask = mask

    def forward(self, texts: Tensor, draws: Tensor) -> Tensor:
        chosen = chosen_tokens(texts, draws, self.probability, self.specials)
        return texts.masked_fill(chosen, self.mask)
