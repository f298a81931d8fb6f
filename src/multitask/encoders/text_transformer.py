"""A small transformer for texts, to train from scratch."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn
from torch.nn.functional import scaled_dot_product_attention

from multitask.encoders.layered_text import LayeredTextEncoder
from multitask.encoders.token_embedding import DEVIATION
from multitask.errors import InputError


class TextTransformer(LayeredTextEncoder):
    """A transformer (Vaswani et al., 2017) with attention between all tokens of a text.

    Each layer normalises first, as in GPT-2. Positions have learned vectors. Without layers it is a
    bag of tokens with positions.

    Args:
        vocabulary: vocabulary size of the data's tokenizer.
        length: maximum number of tokens of a text, as in the data's tokenizer.
        out_features: features of each token, in all layers.
        layers: number of layers.
        heads: number of attention heads.
        dropout: dropout probability of the features, after the embedding and in each half of a
            layer.
        input: name of the text among the data's inputs.

    Raises:
        InputError: if a setting is invalid.
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
                f"TextTransformer: heads is {heads}, which does not divide {out_features} features "
                "evenly; give a divisor of out_features"
            )
        self.layers.extend(Layer(out_features, heads, dropout) for _ in range(layers))


class Layer(nn.Module):
    """Attention among the tokens of a text, then two linear layers for each token.

    Args:
        features: features of each token.
        heads: see `TextTransformer`.
        dropout: likewise.
    """

    def __init__(self, features: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.heads = heads
        self.norm1, self.norm2 = nn.LayerNorm(features), nn.LayerNorm(features)
        # Not `nn.MultiheadAttention`, whose query projection `LowRank` could not update.
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
        """Map ``[batch, places, features]`` and the mask of tokens to the same two."""
        values, is_token = taken
        values = values + self.dropout(self._attended(self.norm1(values), is_token))
        return [values + self.dropout(self.network(self.norm2(values))), is_token]

    def _attended(self, values: Tensor, is_token: Tensor) -> Tensor:
        # [batch, heads, places, features of a head], for each of the three.
        query, key, value = (
            self.qkv(values).unflatten(2, (3, self.heads, -1)).permute(2, 0, 3, 1, 4)
        )
        found = scaled_dot_product_attention(query, key, value, is_token[:, None, None])
        return self.out(found.transpose(1, 2).flatten(2))
