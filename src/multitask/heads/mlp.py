"""A head with hidden layers."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from torch import Tensor, nn


class MLPHead(nn.Module):
    """Hidden layers with ReLU between the representation and the raw outputs.

    Args:
        in_features: size of the representation.
        out_features: number of raw outputs of the task.
        hidden: widths of the hidden layers.
        dropout: probability of dropping a hidden unit in training.
    """

    def __init__(
        self,
        in_features: int,
        out_features: int,
        hidden: Sequence[int] = (64,),
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        widths = [in_features, *hidden]
        layers: list[nn.Module] = []
        for before, after in pairwise(widths):
            layers += [nn.Linear(before, after), nn.ReLU(), nn.Dropout(dropout)]
        self.layers = nn.Sequential(*layers, nn.Linear(widths[-1], out_features))

    def forward(self, representation: Tensor) -> Tensor:
        """Map ``[batch, in_features]`` to ``[batch, out_features]``."""
        return self.layers(representation)
