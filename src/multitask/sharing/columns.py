"""A network for each task, side by side."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from torch import Tensor, nn
from torch.distributed.tensor import DTensor

from multitask.checkpoints.source import has_source
from multitask.encoders.base import Encoder
from multitask.errors import InputError


class Columns(nn.Module):
    """Encoders side by side.

    Args:
        columns: the encoders, of one architecture.
    """

    def __init__(self, columns: Sequence[Encoder]) -> None:
        super().__init__()
        # No ModuleList, whose modules are taken for blocks that are called as a whole.
        self.columns = nn.ModuleDict({str(place): each for place, each in enumerate(columns)})

    def stages(self) -> list[tuple[nn.Module, ...]]:
        """The encoders' stages: for each stage, that of every column."""
        stages: list[list[nn.Module]] = [each.stages() for each in self.columns.values()]  # type: ignore[operator]
        return list(zip(*stages, strict=True))

    def forward(self, *inputs: Tensor) -> list[Any]:
        """Encode by every column; returns the columns' representations."""
        return [column(*inputs) for column in self.columns.values()]


def side_by_side(encoder: Encoder, count: int) -> list[Encoder]:
    """Build further encoders like one.

    Args:
        encoder: the first.
        count: how many there will be with it.

    Returns:
        All of them; parameters that are frozen in the first are frozen in all.

    Raises:
        InputError: if the encoders would share a network.
    """
    # `torch.compile` wraps an encoder, whose settings are those of the one within.
    own: Encoder = getattr(encoder, "_orig_mod", encoder)
    others = [own.another() for _ in range(count - 1)]
    for other in others:
        for parameter, same in zip(own.parameters(), other.parameters(), strict=True):
            if parameter is same:
                raise InputError(
                    f"the encoder {type(own).__name__} was given a network, which the other "
                    "tasks' encoders would share; let it build the network from settings"
                )
            same.requires_grad_(parameter.requires_grad)
        if has_source(own):
            other.load_state_dict(own.state_dict())
    return [encoder, *others]


def whole(values: Tensor) -> Tensor:
    """A tensor as it is, or put together if it is divided over processes."""
    return values.full_tensor() if isinstance(values, DTensor) else values
