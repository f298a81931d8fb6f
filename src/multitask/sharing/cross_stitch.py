"""A network for each task, whose stages exchange features."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from multitask.checkpoints.source import has_source
from multitask.encoders.base import Encoder
from multitask.encoders.forms import Form
from multitask.errors import InputError
from multitask.sharing.base import Sharing


class CrossStitch(Sharing):
    """Cross-stitch networks (Misra et al., 2016, equation 1).

    Each task has an encoder of its own, built with the same settings: random weights differ,
    pretrained ones, and those of another run or of a file, are the same, and weights loaded after
    the encoder was built are those of the first task's encoder alone. After each of an encoder's
    stages but the last, a task's activations become a learned mixture of those of all tasks; the
    last mixture is each task's own. An encoder without stages is mixed at the end only.

    Balancers at the representation compare gradients of all encoders' outputs; at level
    ``shared``, of the parameters of all encoders and of all mixtures but the last. The paper gives
    the mixtures 100 to 1000 times the learning rate.

    Args:
        form: see `Sharing`.
        tasks: see `Sharing`.
        own: share of a task's own features in its mixture before training, from 0 to 1; the
            others share the rest.

    Raises:
        InputError: if ``own`` is outside of 0 to 1, or the encoders would share a network.
    """

    is_by_place = True

    def __init__(self, form: Form, tasks: list[str], own: float = 0.9) -> None:
        super().__init__(form, tasks)
        if not 0 <= own <= 1:
            raise InputError(f"own is {own}; a share is from 0 to 1")
        self.own_share = own
        self.mixture = nn.Parameter(_mixture(len(tasks), own))

    def trunk(self, encoder: Encoder) -> nn.Module:
        # `torch.compile` wraps an encoder, whose settings are those of the one within.
        own: Encoder = getattr(encoder, "_orig_mod", encoder)
        others = [own.another() for _ in self.tasks[1:]]
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
        return Columns([encoder, *others], self.own_share)

    def forward(self, views: dict[str, list[Any]]) -> dict[str, Any]:
        rows = zip(self.tasks, self.mixture, strict=True)
        return {task: _mixed(row, views[task]) for task, row in rows}


class Columns(nn.Module):
    """Encoders side by side, whose activations are mixed after each stage but the last.

    Args:
        columns: the encoders, of one architecture.
        own: see `CrossStitch`.
    """

    def __init__(self, columns: Sequence[Encoder], own: float) -> None:
        super().__init__()
        # No ModuleList, whose modules are taken for blocks that are called as a whole.
        self.columns = nn.ModuleDict({str(place): each for place, each in enumerate(columns)})
        between = columns[0].stages()[1:]
        self.mixtures = nn.ParameterList([_mixture(len(columns), own) for _ in between])

    def forward(self, *inputs: Tensor) -> list[Any]:
        """Encode by every column; returns the columns' representations."""
        stages: list[list[nn.Module]] = [each.stages() for each in self.columns.values()]  # type: ignore[operator]
        first, *others = zip(*stages, strict=True)
        values = [stage(*inputs) for stage in first]
        for mixture, side_by_side in zip(self.mixtures, others, strict=True):
            values = [
                stage(_mixed(row, values)) for stage, row in zip(side_by_side, mixture, strict=True)
            ]
        return values


def _mixture(tasks: int, own: float) -> Tensor:
    if tasks == 1:
        return torch.ones(1, 1)
    return torch.full((tasks, tasks), (1 - own) / (tasks - 1)).fill_diagonal_(own)


def _mixed(shares: Tensor, values: Sequence[Any]) -> Any:
    """Mix one representation of each column; of lists each part, of places the first column's."""
    if not isinstance(values[0], Tensor):
        return [_mixed(shares, parts) for parts in zip(*values, strict=True)]
    if not values[0].is_floating_point():
        return values[0]
    # Added one by one, so that a share of 1 leaves the values as they are to the bit.
    return sum(share * value for share, value in zip(shares, values, strict=True))
