"""Task-specific attention over shared maps."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import max_pool2d

from multitask.encoders.forms import Form, Maps
from multitask.errors import InputError
from multitask.sharing.base import Mixing, Sharing
from multitask.sharing.recent_mean import RecentMean, recent_mixing

NARROWEST = 8
"""Minimum number of channels within a mask."""


class MTAN(Sharing):
    """Multi-task attention network (Liu et al., 2019, section 3), over the maps of any encoder.

    Task t sees each map times a mask between 0 and 1. Two 1x1 convolutions with batch normalisation
    compute the mask from the map and from the task's masked next finer map, reduced to the map's
    size by max pooling. In the paper, masks read the first block of a stage and weight the last,
    and a 3x3 convolution precedes the pooling; here an encoder returns one map for each stage,
    which a mask both reads and weights.

    Balancers at the representation compare gradients of all maps; at level ``shared``, gradients of
    the encoder's parameters. Each task's masks are only trained by its own loss.

    `mixing` returns the mean of each mask over about the last hundred training batches on the first
    process: how much of a map a task uses.

    Args:
        form: see `Sharing`; maps.
        tasks: see `Sharing`.
        reduction: divisor of the number of a map's channels within its mask, which has at least 8.

    Raises:
        InputError: if the encoder does not return maps, or the reduction is below 1.
    """

    def __init__(self, form: Form, tasks: list[str], reduction: int = 4) -> None:
        super().__init__(form, tasks)
        if not isinstance(form, Maps):
            raise InputError(
                f"MTAN masks maps, but the encoder's form is {type(form).__name__}; choose an "
                "encoder of maps, such as multitask.encoders.TimmMaps, or another sharing scheme"
            )
        if reduction < 1:
            raise InputError(f"reduction is {reduction}; give at least 1")
        sizes = [*pairwise([0, *form.channels])]
        self.masks = nn.ModuleDict(
            {task: nn.ModuleList(Mask(*each, reduction) for each in sizes) for task in tasks}
        )
        self.names = [f"map {place + 1}" for place in range(len(sizes))]

    def mixing(self) -> dict[str, Mixing]:
        masks: Any = [self.masks[task] for task in self.tasks]
        return recent_mixing(
            "maps", [[each.recent_shares for each in row] for row in masks], self.names
        )

    def forward(self, views: dict[str, list[Tensor]]) -> dict[str, list[Tensor]]:
        return {task: self._attended(self.masks[task], maps) for task, maps in views.items()}

    def _attended(self, masks: Any, maps: list[Tensor]) -> list[Tensor]:
        found: list[Tensor] = []
        for mask, each in zip(masks, maps, strict=True):
            found.append(mask(each, *found[-1:]))
        return found


class Mask(nn.Module):
    """A mask over the places and channels of a map for one task.

    Args:
        finer: number of channels of the next finer map, 0 if there is none.
        channels: number of channels of the map.
        reduction: see `MTAN`.
    """

    def __init__(self, finer: int, channels: int, reduction: int) -> None:
        super().__init__()
        within = max(NARROWEST, channels // reduction)
        self.layers = nn.Sequential(
            nn.Conv2d(finer + channels, within, 1, bias=False),
            nn.BatchNorm2d(within),
            nn.ReLU(),
            nn.Conv2d(within, channels, 1),
        )
        self.recent_shares = RecentMean(1)

    def forward(self, values: Tensor, finer: Tensor | None = None) -> Tensor:
        """Mask a map ``[batch, channels, height, width]``.

        Args:
            values: the map.
            finer: the task's masked next finer map.
        """
        read = values
        if finer is not None:
            read = torch.cat([values, pooled(finer, values.shape[2:])], 1)
        shares = self.layers(read).sigmoid()
        self.recent_shares.update(shares.mean((1, 2, 3)).unsqueeze(1))
        return shares * values


def pooled(values: Tensor, size: Sequence[int]) -> Tensor:
    """Reduce a map to another's size by max pooling with windows that cover it."""
    sides = values.shape[2:]
    if any(before < after for before, after in zip(sides, size, strict=True)):
        raise InputError(
            f"MTAN expects the finest map first, but a map of {size[0]}x{size[1]} follows one of "
            f"{sides[0]}x{sides[1]}; make the encoder return them in that order"
        )
    # Not adaptive pooling, which ONNX does not have.
    windows, strides = zip(*map(_window, sides, size), strict=True)
    return max_pool2d(values, windows, strides, ceil_mode=True)


def _window(before: int, after: int) -> tuple[int, int]:
    """Width and stride of the required number of windows, the last of which may be cut off."""
    stride = max(1, round(before / after))
    if stride * (after - 1) >= before:
        stride -= 1
    return max(stride, before - (after - 1) * stride), stride
