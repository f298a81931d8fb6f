"""The input itself, moved: for problems whose solution is a point instead of a network."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from multitask.encoders.base import Encoder
from multitask.errors import InputError


class Displacement(Encoder):
    """Adds one learned vector, initially zero, to the values of each image.

    If the image is a point, training moves it from there.

    Args:
        out_features: number of values in one image, ``channels * height * width``.
    """

    def __init__(self, out_features: int) -> None:
        super().__init__()
        self.out_features = out_features
        self.displacement = nn.Parameter(torch.zeros(out_features))

    def forward(self, image: Tensor) -> Tensor:
        values = image.flatten(1)
        if values.shape[1] != self.out_features:
            raise InputError(
                f"the Displacement encoder moves points of {self.out_features} numbers, but the "
                f"data's images have {values.shape[1]}; set out_features to {values.shape[1]}"
            )
        return values + self.displacement
