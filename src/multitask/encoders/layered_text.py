"""Text encoders that are a stack of layers over token vectors."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn

from multitask.encoders.token_embedding import TextEncoder, TokenEmbedding, check_share


class LayeredTextEncoder(TextEncoder):
    """Embeds the tokens, applies layers to them, and normalises the result.

    A subclass adds its layers to ``layers``; each maps the token vectors, ``[batch, places,
    features]``, and the mask of tokens to the same two.

    Args:
        vocabulary: number of different tokens.
        out_features: features of each token, in all layers.
        dropout: dropout probability of the features after the embedding.
        input: name of the text among the data's inputs.
        length: maximum number of places of a text, which get learned position vectors; None for any
            number of places, without position vectors.
    """

    def __init__(
        self,
        vocabulary: int,
        out_features: int,
        dropout: float,
        input: str,
        length: int | None = None,
    ) -> None:
        super().__init__(vocabulary, out_features, input, length)
        check_share(self, "dropout", dropout)
        self.embedding = TokenEmbedding(vocabulary, out_features, length)
        self.dropout = nn.Dropout(dropout)
        self.layers = nn.ModuleList()
        self.norm = nn.LayerNorm(out_features)

    def stages(self) -> list[nn.Module]:
        """Each layer; the embedding belongs to the first and the last normalisation to the last."""
        parts: list[list[nn.Module]] = [[each] for each in self.layers] or [[]]
        parts[0] = [self.embedding, OnValues(self.dropout), *parts[0]]
        parts[-1] = [*parts[-1], OnValues(self.norm)]
        return [nn.Sequential(*each) for each in parts]

    def stage_features(self) -> list[int]:
        """The features of each token."""
        return [self.out_features] * (len(self.layers) - 1)

    def depths(self) -> dict[str, int]:
        """The embedding, then each layer; the last normalisation belongs to the last layer."""
        last = len(self.layers)
        found = {}
        for name, _ in self.named_parameters():
            part, _, rest = name.partition(".")
            place = int(rest.partition(".")[0]) + 1 if part == "layers" else last
            found[name] = 0 if part == "embedding" else place
        return found

    def forward(self, text: Tensor) -> list[Tensor]:
        """Encode token numbers, int32, shape ``[batch, places]``, -1 after the end."""
        values, is_token = self.embedding(text)
        taken = [self.dropout(values), is_token]
        for layer in self.layers:
            taken = layer(taken)
        return [self.norm(taken[0]), is_token]


class OnValues(nn.Module):
    """Applies a module, which is a child of another, to the values of tokens.

    Args:
        module: a module with input ``[batch, places, features]``.
    """

    def __init__(self, module: nn.Module) -> None:
        super().__init__()
        self.module = module

    def forward(self, taken: Sequence[Tensor]) -> list[Tensor]:
        """Change the values; the mask of tokens stays the same."""
        values, is_token = taken
        return [self.module(values), is_token]
