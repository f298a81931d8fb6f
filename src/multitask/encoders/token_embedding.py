"""Embeddings of token numbers, the first layer of every text encoder."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn

from multitask.encoders.base import Encoder
from multitask.encoders.forms import Tokens
from multitask.errors import InputError
from multitask.tokenizers.text_batch import is_text, text_mask

DEVIATION = 0.02
"""Standard deviation of the vectors before training, as in BERT (Devlin et al., 2019)."""


class TokenEmbedding(nn.Module):
    """A learned vector for each token, plus an optional one for each position.

    Args:
        vocabulary: number of different tokens.
        features: size of the vectors.
        length: maximum number of places of a text, each with a vector; None for no position
            vectors.
    """

    def __init__(self, vocabulary: int, features: int, length: int | None = None) -> None:
        super().__init__()
        self.tokens = nn.Embedding(vocabulary, features)
        self.places = None if length is None else nn.Embedding(length, features)
        for each in (self.tokens, self.places):
            if each is not None:
                nn.init.normal_(each.weight, std=DEVIATION)

    def forward(self, text: Tensor) -> list[Tensor]:
        """Look up the vectors of a batch.

        Args:
            text: token numbers, -1 after the end, int32, shape ``[batch, places]``.

        Returns:
            Vectors, shape ``[batch, places, features]``, arbitrary after the end; and a mask of the
            places that hold a token, shape ``[batch, places]``, bool.

        Raises:
            InputError: if there are more places than position vectors.
        """
        values = self.tokens(text.clamp_min(0))
        if self.places is not None:
            count, length = text.shape[1], self.places.num_embeddings
            if count > length:
                raise InputError(too_long(count, length))
            values = values + self.places.weight[:count]
        return [values, text_mask(text)]


class TextEncoder(Encoder):
    """Base class of encoders of one text: its input, its form, and validation.

    Args:
        vocabulary: number of different tokens.
        out_features: features of each token.
        input: name of the text among the data's inputs.
        length: maximum number of places of a text; None for any number.
    """

    takes_missing = True

    def __init__(
        self, vocabulary: int, out_features: int, input: str, length: int | None = None
    ) -> None:
        super().__init__()
        for name, value in (
            ("vocabulary", vocabulary),
            ("out_features", out_features),
            ("length", length),
        ):
            if value is not None and value < 1:
                raise InputError(f"{type(self).__name__}: {name} is {value}; give at least 1")
        self.inputs = (input,)
        self.vocabulary, self.out_features, self.length = vocabulary, out_features, length

    @property
    def form(self) -> Tokens:
        """A vector for each token."""
        return Tokens(self.out_features)

    def check_inputs(self, inputs: Sequence[Tensor], setting: str) -> None:
        (text,), (name,) = inputs, self.inputs
        if not is_text(text):
            raise InputError(
                f"{setting}.init_args.input is '{name}', which is not a text but {text.dtype} of "
                f"shape {tuple(text.shape)}; name an input that is a text"
            )
        largest = int(text.max()) if text.numel() else 0
        if largest >= self.vocabulary:
            raise InputError(
                f"{setting}.init_args.vocabulary is {self.vocabulary}, but the text '{name}' "
                f"contains the token {largest}; set it to the vocabulary of the data's tokenizer, "
                f"at least {largest + 1}"
            )
        longest = int(text_mask(text).sum(1).max()) if len(text) else 0
        if self.length is not None and longest > self.length:
            raise InputError(f"{setting}.init_args.{too_long(longest, self.length)}")


def too_long(count: int, length: int) -> str:
    """Message that a text has more places than an encoder.

    Args:
        count: number of places of the text.
        length: number of places of the encoder.
    """
    return (
        f"length is {length}, but a text has {count} tokens; set it to at least {count}, or have "
        f"the data's tokenizer cut texts to a length of {length}"
    )


def check_share(owner: nn.Module, name: str, value: float) -> None:
    """Reject an invalid probability, such as that of dropout.

    Args:
        owner: module with the setting.
        name: name of the setting.
        value: the given value.

    Raises:
        InputError: if it is not from 0 to below 1.
    """
    if not 0 <= value < 1:
        raise InputError(
            f"{type(owner).__name__}: {name} is {value}; give a share from 0 to below 1"
        )
