"""A text as a bag of tokens."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from torch import Tensor, nn

from multitask.encoders.token_embedding import TextEncoder, TokenEmbedding, check_share


class BagOfTokens(TextEncoder):
    """Encodes a text as the mean of a learned vector for each token.

    The order of the tokens does not matter. It is the cheapest encoder of texts, and a baseline for
    all others. With ``hidden``, a small network is applied to each token's vector (deep sets;
    Zaheer et al., 2017, arXiv 1703.06114).

    Args:
        vocabulary: vocabulary size of the data's tokenizer.
        out_features: features of each token.
        hidden: sizes of the token vectors and of the hidden layers that follow.
        dropout: dropout probability of the features.
        input: name of the text among the data's inputs.
    """

    def __init__(
        self,
        vocabulary: int = 2**15,
        out_features: int = 64,
        hidden: Sequence[int] = (),
        dropout: float = 0.0,
        input: str = "text",
    ) -> None:
        super().__init__(vocabulary, out_features, input)
        check_share(self, "dropout", dropout)
        self.hidden = list(hidden)
        widths = [*hidden, out_features]
        self.embedding = TokenEmbedding(vocabulary, widths[0])
        layers: list[nn.Module] = []
        for before, after in pairwise(widths):
            layers += [nn.Linear(before, after), nn.LayerNorm(after), nn.ReLU()]
        self.layers = nn.Sequential(nn.Dropout(dropout), *layers)

    def forward(self, text: Tensor) -> list[Tensor]:
        """Encode token numbers, int32, shape ``[batch, places]``, -1 after the end."""
        values, is_token = self.embedding(text)
        return [self.layers(values), is_token]
