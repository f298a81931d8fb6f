"""Gradients of 0 for parameters that no loss reaches."""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn
from torch.distributed.tensor import DTensor


def zero_of(part: nn.Module) -> Tensor | int:
    """0, which leaves each parameter a gradient of 0, since DDP waits for every gradient.

    Args:
        part: whose parameters may be of no use to any loss.
    """
    return sum(_one_of(each) * 0 for each in part.parameters())


def _one_of(parameter: nn.Parameter) -> Tensor:
    if isinstance(parameter, DTensor):
        # A block of its own, which a sharding strategy has divided again; its share may be empty.
        return parameter.to_local().flatten()[:1].sum()
    return parameter.flatten()[0]


def plus(features: Any, zero: Tensor | int) -> Any:
    """Add what `zero_of` returned to a representation, of whose parts the first takes it.

    Args:
        features: a tensor, or a list of tensors.
        zero: the 0.
    """
    if isinstance(features, Tensor):
        return features + zero
    first, *others = features
    return [first + zero, *others]
