"""Encoders of texts whose layers each change the vectors of all tokens."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn

from multitask.encoders.token_embedding import TextEncoder, TokenEmbedding, check_share


class LayeredTextEncoder(TextEncoder):
    """Embeds the tokens, changes them layer by layer, and normalises them at last.

    A subclass adds its layers to ``layers``; each takes and gives the vectors of the tokens,
    ``[batch, places, features]``, and which places hold a token.

    Args:
        vocabulary: number of different tokens.
        out_features: features of each token, in all layers.
        dropout: share of the features that training hides at random behind the embedding.
        input: name of the text among the data's inputs.
        length: most places of a text, told apart by learned vectors; None for any number of
            places, which are not told apart.
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
        """Each layer, the embedding with the first and the last normalisation with the last."""
        parts: list[list[nn.Module]] = [[each] for each in self.layers] or [[]]
        parts[0] = [self.embedding, OnValues(self.dropout), *parts[0]]
        parts[-1] = [*parts[-1], OnValues(self.norm)]
        return [nn.Sequential(*each) for each in parts]

    def stage_features(self) -> list[int]:
        """The features of each token."""
        return [self.out_features] * (len(self.layers) - 1)

    def depths(self) -> dict[str, int]:
        """The embedding, and each layer, the last normalisation with the last."""
        last = len(self.layers)
        found = {}
        for name, _ in self.named_parameters():
            part, _, rest = name.partition(".")
            place = int(rest.partition(".")[0]) + 1 if part == "layers" else last
            found[name] = 0 if part == "embedding" else place
        return found

    def forward(self, text: Tensor) -> list[Tensor]:
        """Encode token numbers, int32, shape ``[batch, places]``, -1 behind the end."""
        values, is_token = self.embedding(text)
        taken = [self.dropout(values), is_token]
        for layer in self.layers:
            taken = layer(taken)
        return [self.norm(taken[0]), is_token]


class OnValues(nn.Module):
    """Changes the values of tokens by a module that is another's child.

    Args:
        module: takes ``[batch, places, features]``.
    """

    def __init__(self, module: nn.Module) -> None:
        super().__init__()
        self.module = module

    def forward(self, taken: Sequence[Tensor]) -> list[Tensor]:
        """Change the values; which places hold a token stays."""
        values, is_token = taken
        return [self.module(values), is_token]
