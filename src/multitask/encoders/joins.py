"""Joining the vectors of several inputs, some of which may be missing."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from multitask.encoders.token_embedding import DEVIATION


class Concatenation(nn.Module):
    """Concatenates the vectors, followed by a linear layer, normalisation and ReLU.

    Args:
        sizes: sizes of the vectors.
        out_features: size of the result.
    """

    def __init__(self, sizes: Sequence[int], out_features: int) -> None:
        super().__init__()
        self.missing = nn.ParameterList([torch.randn(size) * DEVIATION for size in sizes])
        self.layers = nn.Sequential(
            nn.Linear(sum(sizes), out_features, bias=False), nn.LayerNorm(out_features), nn.ReLU()
        )

    def forward(self, vectors: Sequence[Tensor], present: Tensor) -> Tensor:
        """Join the vectors of a batch.

        Args:
            vectors: vectors of each input, shape ``[batch, size]``.
            present: mask of the inputs that a sample has, shape ``[batch, inputs]``, bool.

        Returns:
            Shape ``[batch, out_features]``.
        """
        filled = [
            torch.where(has, vector, missing.to(vector.dtype))
            for has, vector, missing in zip(
                present.unsqueeze(2).unbind(1), vectors, self.missing, strict=True
            )
        ]
        return self.layers(torch.cat(filled, 1))


class Attention(nn.Module):
    """A mean of the vectors, weighted by their match with a learned query.

    Args:
        sizes: sizes of the vectors.
        out_features: size of the result.
    """

    def __init__(self, sizes: Sequence[int], out_features: int) -> None:
        super().__init__()
        self.values = nn.ModuleList(nn.Linear(size, out_features) for size in sizes)
        # Initially all inputs have the same weight.
        self.query = nn.Parameter(torch.zeros(out_features))
        # Not zeros, which would block the gradient through normalisation and ReLU.
        self.missing = nn.Parameter(torch.randn(len(sizes), out_features) * DEVIATION)
        self.layers = nn.Sequential(nn.LayerNorm(out_features), nn.ReLU())

    def forward(self, vectors: Sequence[Tensor], present: Tensor) -> Tensor:
        """Join the vectors of a batch; see `Concatenation.forward`."""
        layers = zip(self.values, vectors, strict=True)
        values = torch.stack([layer(vector) for layer, vector in layers], 1)
        values = torch.where(present.unsqueeze(2), values, self.missing.to(values.dtype))
        # A sample without any input uses the learned vectors.
        counts = present | ~present.any(1, keepdim=True)
        fits = (values @ self.query.to(values.dtype)) / len(self.query) ** 0.5
        weights = fits.masked_fill(~counts, -torch.inf).softmax(1)
        return self.layers((weights.unsqueeze(2) * values).sum(1))


class DropInputs(nn.Module):
    """Drops inputs of training samples at random, but never all inputs of a sample.

    Args:
        inputs: number of inputs.
        probability: probability with which each is dropped.
    """

    draws: Tensor | None = None
    """Random numbers for the samples of the batch, uniform from 0 to below 1, shape ``[batch,
    inputs]``; if there are none for a batch, torch's random numbers are used."""

    def __init__(self, inputs: int, probability: float) -> None:
        super().__init__()
        self.inputs, self.probability = inputs, probability

    def forward(self, present: Tensor) -> Tensor:
        """Drop inputs from the mask.

        Args:
            present: shape ``[batch, inputs]``, bool.

        Returns:
            Same shape; unchanged outside of training.
        """
        if not self.training or not self.probability:
            return present
        draws = self.draws
        if draws is None or draws.shape != present.shape:
            draws = torch.rand(present.shape, device=present.device)
        # The input with the largest number is always kept.
        draws = torch.where(present, draws, -1.0)
        return present & ((draws >= self.probability) | (draws == draws.amax(1, keepdim=True)))
