"""A head for each token of a text."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn

from multitask.missing_labels import NO_TOKEN


class TokenHead(nn.Module):
    """Applies one head for vectors to each place of a sequence.

    Args:
        head: a head whose input is the last axis, such as ``torch.nn.Linear``.
    """

    def __init__(self, head: nn.Module) -> None:
        super().__init__()
        self.head = head

    def forward(self, tokens: Sequence[Tensor]) -> Tensor:
        """Compute raw outputs for each place.

        Args:
            tokens: values ``[batch, places, features]`` and a mask of the places that hold a token
                ``[batch, places]``, bool.

        Returns:
            Shape ``[batch, out_features, places]``; `multitask.missing_labels.NO_TOKEN` at places
            without a token, which get no gradient.
        """
        values, is_token = tokens
        return self.head(values).movedim(2, 1).masked_fill(~is_token.unsqueeze(1), NO_TOKEN)
