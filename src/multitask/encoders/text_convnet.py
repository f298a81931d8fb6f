"""A small convolutional network for texts."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from multitask.encoders.layered_text import LayeredTextEncoder
from multitask.errors import InputError


class TextConvNet(LayeredTextEncoder):
    """Convolutions along a text, each of which adds to what is there.

    It tells what stands next to what, such as a "not" before a word, as Kim (2014, arXiv 1408.5882)
    does with one layer. The places behind the end of a text count as zeros in each layer, so that
    padding changes nothing.

    Args:
        vocabulary: number of different tokens, that of the data's tokenizer.
        out_features: features of each token, in all layers.
        widths: for each layer, how many neighbouring tokens it sees; odd numbers.
        dropout: share of the features that training hides at random, behind the embedding and in
            each layer.
        input: name of the text among the data's inputs.

    Raises:
        InputError: if a setting makes no sense.
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
    """A convolution over neighbouring tokens, added to what it takes.

    Args:
        features: of each token.
        width: how many tokens it sees.
        dropout: see `TextConvNet`.
    """

    def __init__(self, features: int, width: int, dropout: float) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(features)
        self.convolution = nn.Conv1d(features, features, width, padding=width // 2)
        self.out = nn.Linear(features, features)
        self.dropout = nn.Dropout(dropout)

    def forward(self, taken: Sequence[Tensor]) -> list[Tensor]:
        """Take and give ``[batch, places, features]`` and which places hold a token."""
        values, is_token = taken
        seen = torch.where(is_token.unsqueeze(2), self.norm(values), 0)
        found = self.convolution(seen.transpose(1, 2)).transpose(1, 2).relu()
        return [values + self.dropout(self.out(found)), is_token]
