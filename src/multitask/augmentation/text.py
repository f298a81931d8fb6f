"""The base class of all augmentations of texts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from torch import Tensor

from multitask.augmentation.base import Augmentation, check_probability
from multitask.tokenizers import Specials, is_text


class TextAugmentation(Augmentation):
    """Changes tokens of each text, using one random number per place.

    Its `forward` accepts texts, int32 of shape ``[batch, places]``, and random numbers of the same
    shape, and returns texts of the same shape.

    Args:
        probability: probability of a change, for each token that stands for characters.
        input: name of the text to change; default: all texts.
        specials: tokens that are never changed: all numbers below one, or a list of numbers, see
            `multitask.tokenizers.Tokenizer`.

    Attributes:
        shifts: whether tokens move to other places, so that per-token targets would no longer fit.
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
        """Return the names of the texts to change.

        Args:
            inputs: the batch's inputs by name.
        """
        names = [name for name, values in inputs.items() if is_text(values)]
        return [name for name in names if self.input in (None, name)]
