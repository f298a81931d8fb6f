"""A head that returns a map at one stride, with context around its pixels."""

from __future__ import annotations

import math

from torch import Tensor, nn
from torch.nn.functional import interpolate

from multitask.encoders.forms import Form, Maps
from multitask.errors import InputError

GROUPS = 8
"""Number of groups of channels for group normalisation, which does not depend on the batch."""


class CentreHead(nn.Module):
    """Merges feature maps down to one stride, then applies convolutions to the result.

    Maps are merged as in a feature pyramid (Lin et al., 2017, "Feature Pyramid Networks", section
    3), from the coarsest map to that of the stride; finer maps are not used.

    Args:
        form: form of the encoder's output; a list of maps.
        out_features: number of channels of the result.
        stride: pixels of the image on one side of a pixel of the result; must be the stride of a
            map.
        width: number of channels of hidden layers.
        depth: number of 3x3 convolutions before the last layer.

    Raises:
        InputError: if the encoder does not return maps, or none of that stride.
    """

    def __init__(
        self, form: Form, out_features: int, stride: int = 4, width: int = 64, depth: int = 2
    ) -> None:
        super().__init__()
        if not isinstance(form, Maps):
            raise InputError(
                "a CentreHead needs maps, but the encoder returns a "
                f"{type(form).__name__.lower()}; choose an encoder of maps, such as "
                "multitask.encoders.TimmMaps"
            )
        strides = list(form.strides)
        if stride not in strides:
            raise InputError(
                f"stride is {stride}, but the encoder's maps have strides "
                f"{', '.join(map(str, strides))}; give one of them"
            )
        self.stride, self.first = stride, strides.index(stride)
        channels = form.channels[self.first :]
        self.sides = nn.ModuleList([nn.Conv2d(each, width, 1) for each in channels])
        layers: list[nn.Module] = []
        groups = math.gcd(GROUPS, width)
        for _ in range(depth):
            layers += [
                nn.Conv2d(width, width, 3, padding=1),
                nn.GroupNorm(groups, width),
                nn.ReLU(),
            ]
        self.out = nn.Sequential(*layers, nn.Conv2d(width, out_features, 1))

    def forward(self, maps: list[Tensor]) -> Tensor:
        """Map a list of ``[batch, channels, h, w]`` to ``[batch, out_features, height, width]``."""
        read = maps[self.first :]
        *finer, total = (side(each) for side, each in zip(self.sides, read, strict=True))
        for each in reversed(finer):
            size = (each.shape[2], each.shape[3])
            total = each + interpolate(total, size, mode="bilinear", align_corners=False)
        return self.out(total)
