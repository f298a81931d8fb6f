"""What all augmentations of texts share."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from torch import Tensor

from multitask.augmentation.base import Augmentation, check_probability
from multitask.tokenizers import Specials, is_text


class TextAugmentation(Augmentation):
    """Changes tokens of each text, with one random number for each place.

    Its `forward` takes texts, int32 of shape ``[batch, places]``, and as many numbers, and returns
    texts of the same shape.

    Args:
        probability: of a change, for each token that stands for characters.
        input: name of the text that it changes; default: all texts.
        specials: tokens that it never changes: all numbers below one, or a list of numbers, see
            `multitask.tokenizers.Tokenizer`.

    Attributes:
        shifts: whether tokens change their places, so that targets of tokens would no longer fit.
    """

    acts_on: Literal["image", "text"] = "text"
    draws = 0
    moves = False
    shifts = False

    def __init__(
        self, probability: float = 0.1, input: str | None = None, specials: Specials = 3
    ) -> None:
        super().__init__()
        check_probability("probability", probability)
        self.probability, self.input, self.specials = probability, input, specials

    def texts(self, inputs: Mapping[str, Tensor]) -> list[str]:
        """Names of the texts that it changes.

        Args:
            inputs: of a batch, by name.
        """
        names = [name for name, values in inputs.items() if is_text(values)]
        return [name for name in names if self.input in (None, name)]
