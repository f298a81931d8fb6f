"""Gradients of 0 for parameters that no loss reaches."""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn
from torch.distributed.tensor import DTensor


def zero_of(part: nn.Module) -> Tensor | int:
    """Zero that gives each parameter a gradient of 0, since DDP waits for every gradient.

    Args:
        part: module with parameters that may not affect any loss.
    """
    return sum(_one_of(each) * 0 for each in part.parameters())


def _one_of(parameter: nn.Parameter) -> Tensor:
    if isinstance(parameter, DTensor):
        # An FSDP block that is sharded again already; its shard may be empty.
        return parameter.to_local().flatten()[:1].sum()
    return parameter.flatten()[0]


def plus(features: Any, zero: Tensor | int) -> Any:
    """Add the return value of `zero_of` to a representation, or to its first part.

    Args:
        features: a tensor, or a list of tensors.
        zero: the zero.
    """
    if isinstance(features, Tensor):
        return features + zero
    first, *others = features
    return [first + zero, *others]
