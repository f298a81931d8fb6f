"""Attention over maps behind the small encoder of vectors."""

from __future__ import annotations

from torch import Tensor, nn

from multitask.encoders import Encoder, Form, Maps
from multitask.sharing import MTAN

SHAPES = (2, 3, 1), (6, 1, 1)


class AsMaps(nn.Module):
    """An encoder whose vector of 6 is read as two maps, nested as those of a network are.

    Args:
        encoder: gives the vector.
    """

    def __init__(self, encoder: Encoder) -> None:
        super().__init__()
        self.encoder = encoder

    def forward(self, *inputs: Tensor) -> list[Tensor]:
        fine = self.encoder(*inputs).unflatten(1, SHAPES[0])
        return [fine, fine.tanh().flatten(1).unflatten(1, SHAPES[1])]


class MaskedVector(MTAN):
    """Masks both maps."""

    def __init__(self, form: Form, tasks: list[str]) -> None:
        super().__init__(Maps([shape[0] for shape in SHAPES], [1, 3]), tasks)

    def trunk(self, encoder: Encoder) -> nn.Module:
        return AsMaps(encoder)
