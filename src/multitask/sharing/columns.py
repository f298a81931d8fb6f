"""Parallel networks, one for each task."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from torch import Tensor, nn
from torch.distributed.tensor import DTensor

from multitask.checkpoints.source import has_source
from multitask.encoders.base import Encoder
from multitask.errors import InputError


class Columns(nn.Module):
    """Encoders in parallel.

    Args:
        columns: the encoders, of one architecture.
    """

    def __init__(self, columns: Sequence[Encoder]) -> None:
        super().__init__()
        # Not a ModuleList, whose modules would be treated as blocks that are called as a whole.
        self.columns = nn.ModuleDict({str(place): each for place, each in enumerate(columns)})

    def stages(self) -> list[tuple[nn.Module, ...]]:
        """The encoders' stages: for each stage, that of every column."""
        stages: list[list[nn.Module]] = [each.stages() for each in self.columns.values()]  # type: ignore[operator]
        return list(zip(*stages, strict=True))

    def forward(self, *inputs: Tensor) -> list[Any]:
        """Encode by all columns; returns the columns' representations."""
        return [column(*inputs) for column in self.columns.values()]


def side_by_side(encoder: Encoder, count: int) -> list[Encoder]:
    """Build copies of an encoder.

    Args:
        encoder: the first encoder.
        count: number of encoders, including the first.

    Returns:
        All encoders; parameters that are frozen in the first are frozen in all.

    Raises:
        InputError: if the encoders would share a network.
    """
    # `torch.compile` wraps an encoder; the settings are those of the encoder within.
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
    """The full tensor, gathered if it is sharded over processes."""
    return values.full_tensor() if isinstance(values, DTensor) else values
