"""A small transformer for texts, to train from scratch."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn
from torch.nn.functional import scaled_dot_product_attention

from multitask.encoders.layered_text import LayeredTextEncoder
from multitask.encoders.token_embedding import DEVIATION
from multitask.errors import InputError


class TextTransformer(LayeredTextEncoder):
    """A transformer (Vaswani et al., 2017) that sees all tokens of a text at once.

    Each layer normalises first, as in GPT-2. Places are told apart by learned vectors. Without
    layers it is a bag of tokens that knows their places.

    Args:
        vocabulary: number of different tokens, that of the data's tokenizer.
        length: most tokens of a text, that of the data's tokenizer.
        out_features: features of each token, in all layers.
        layers: their number.
        heads: parts of the features, each with an attention of its own.
        dropout: share of the features that training hides at random, behind the embedding and in
            each half of a layer.
        input: name of the text among the data's inputs.

    Raises:
        InputError: if a setting makes no sense.
    """

    def __init__(
        self,
        vocabulary: int = 2**15,
        length: int = 64,
        out_features: int = 64,
        layers: int = 2,
        heads: int = 4,
        dropout: float = 0.1,
        input: str = "text",
    ) -> None:
        super().__init__(vocabulary, out_features, dropout, input, length)
        if layers < 0:
            raise InputError(f"TextTransformer: layers is {layers}; give 0 or more")
        if heads < 1 or out_features % heads:
            raise InputError(
                f"TextTransformer: heads is {heads}, among which {out_features} features cannot be "
                "divided; give a divisor of out_features"
            )
        self.layers.extend(Layer(out_features, heads, dropout) for _ in range(layers))


class Layer(nn.Module):
    """Attention among the tokens of a text, then two linear layers for each token.

    Args:
        features: of each token.
        heads: see `TextTransformer`.
        dropout: likewise.
    """

    def __init__(self, features: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.heads = heads
        self.norm1, self.norm2 = nn.LayerNorm(features), nn.LayerNorm(features)
        # Not `nn.MultiheadAttention`, of whose queries `LowRank` could learn no change.
        self.qkv, self.out = nn.Linear(features, 3 * features), nn.Linear(features, features)
        self.network = nn.Sequential(
            nn.Linear(features, 4 * features), nn.GELU(), nn.Linear(4 * features, features)
        )
        self.dropout = nn.Dropout(dropout)
        for each in self.modules():
            if isinstance(each, nn.Linear):
                nn.init.normal_(each.weight, std=DEVIATION)
                nn.init.zeros_(each.bias)

    def forward(self, taken: Sequence[Tensor]) -> list[Tensor]:
        """Take and give ``[batch, places, features]`` and which places hold a token."""
        values, is_token = taken
        values = values + self.dropout(self._attended(self.norm1(values), is_token))
        return [values + self.dropout(self.network(self.norm2(values))), is_token]

    def _attended(self, values: Tensor, is_token: Tensor) -> Tensor:
        # [batch, heads, places, features of a head], once for each of the three.
        query, key, value = (
            self.qkv(values).unflatten(2, (3, self.heads, -1)).permute(2, 0, 3, 1, 4)
        )
        found = scaled_dot_product_attention(query, key, value, is_token[:, None, None])
        return self.out(found.transpose(1, 2).flatten(2))
