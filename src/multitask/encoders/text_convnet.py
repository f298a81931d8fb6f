"""A small convolutional network for texts."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from multitask.encoders.layered_text import LayeredTextEncoder
from multitask.errors import InputError


class TextConvNet(LayeredTextEncoder):
    """Residual convolutions along a text.

    It detects which tokens are next to each other, such as a "not" before a word, as Kim (2014,
    arXiv 1408.5882) does with one layer. Places after the end of a text count as zeros in each
    layer, so padding changes nothing.

    Args:
        vocabulary: vocabulary size of the data's tokenizer.
        out_features: features of each token, in all layers.
        widths: number of neighbouring tokens that each layer sees; odd numbers.
        dropout: dropout probability of the features, after the embedding and in each layer.
        input: name of the text among the data's inputs.

    Raises:
        InputError: if a setting is invalid.
    """

    def __init__(
        self,
        vocabulary: int = 2**15,
        out_features: int = 64,
        widths: Sequence[int] = (3, 5),
        dropout: float = 0.1,
        input: str = "text",
    ) -> None:
        super().__init__(vocabulary, out_features, dropout, input)
        if not widths or any(width < 1 or width % 2 == 0 for width in widths):
            raise InputError(
                f"TextConvNet: widths is {list(widths)}; give an odd number for each layer, such "
                "as [3, 5]"
            )
        self.layers.extend(Neighbours(out_features, each, dropout) for each in widths)


class Neighbours(nn.Module):
    """A residual convolution over neighbouring tokens.

    Args:
        features: features of each token.
        width: number of tokens that it sees.
        dropout: see `TextConvNet`.
    """

    def __init__(self, features: int, width: int, dropout: float) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(features)
        self.convolution = nn.Conv1d(features, features, width, padding=width // 2)
        self.out = nn.Linear(features, features)
        self.dropout = nn.Dropout(dropout)

    def forward(self, taken: Sequence[Tensor]) -> list[Tensor]:
        """Map ``[batch, places, features]`` and the mask of tokens to the same two."""
        values, is_token = taken
        seen = torch.where(is_token.unsqueeze(2), self.norm(values), 0)
        found = self.convolution(seen.transpose(1, 2)).transpose(1, 2).relu()
        return [values + self.dropout(self.out(found)), is_token]
