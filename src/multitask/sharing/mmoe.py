"""Experts that tasks share, mixed anew for each task."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from multitask.encoders.base import Encoder
from multitask.encoders.forms import Form, Vector
from multitask.errors import InputError
from multitask.sharing.base import Sharing


class Expert(nn.Sequential):
    """A linear layer with ReLU, the expert of both papers.

    Args:
        in_features: size of the representation.
        out_features: size of the expert's output.
    """

    def __init__(self, in_features: int, out_features: int) -> None:
        super().__init__(nn.Linear(in_features, out_features), nn.ReLU())


class Experts(nn.Module):
    """An encoder, and the experts behind it that all tasks share.

    Args:
        encoder: gives a vector.
        experts: each takes that vector.
    """

    def __init__(self, encoder: Encoder, experts: Sequence[nn.Module]) -> None:
        super().__init__()
        self.encoder, self.experts = encoder, nn.ModuleList(experts)

    def forward(self, *inputs: Tensor) -> list[Tensor]:
        """Compute the representation, which the tasks' gates read, and each expert's output."""
        representation = self.encoder(*inputs)
        return [representation, *(expert(representation) for expert in self.experts)]


class MMoE(Sharing):
    """Multi-gate mixture of experts (Ma et al., 2018), and customised gate control.

    Task t sees the mean of the experts' outputs, weighed by ``softmax(W_t z)`` of the
    representation z (section 4.2 there). With ``own`` experts for each task beside the shared ones
    it is CGC (Tang et al., 2020, "Progressive Layered Extraction", section 4.1).

    Balancers at the representation compare gradients of z and of the shared experts' outputs; at
    level ``shared``, of the encoder's and the shared experts' parameters.

    Args:
        form: see `Sharing`; a vector.
        tasks: see `Sharing`.
        experts: number of experts that all tasks share.
        own: number of experts that each task has for itself.
        width: size of an expert's output.
        expert: class of an expert, called with the sizes of the representation and of its output.

    Raises:
        InputError: if the encoder does not give a vector, or a task would have no expert.
    """

    def __init__(
        self,
        form: Form,
        tasks: list[str],
        experts: int = 4,
        own: int = 0,
        width: int = 64,
        expert: Callable[[int, int], nn.Module] = Expert,
    ) -> None:
        super().__init__(form, tasks)
        if not isinstance(form, Vector):
            raise InputError(
                f"MMoE mixes vectors, but the encoder gives {type(form).__name__.lower()}; choose "
                "an encoder of vectors or another sharing scheme"
            )
        if min(experts, own) < 0 or experts + own == 0 or width < 1:
            raise InputError(
                f"experts is {experts}, own {own} and width {width}; a task needs at least one "
                "expert, of a width of at least 1"
            )
        self.form = Vector(width)
        size = form.features
        self.gates = nn.ModuleDict({task: nn.Linear(size, experts + own) for task in tasks})
        self.own = nn.ModuleDict(
            {task: nn.ModuleList(expert(size, width) for _ in range(own)) for task in tasks}
        )
        # In a tuple: they are the trunk's children, not this module's.
        self._shared = (*(expert(size, width) for _ in range(experts)),)

    def trunk(self, encoder: Encoder) -> nn.Module:
        return Experts(encoder, self._shared)

    def forward(self, views: dict[str, list[Tensor]]) -> dict[str, Tensor]:
        return {task: self._mixed(task, *view) for task, view in views.items()}

    def _mixed(self, task: str, representation: Tensor, *shared: Tensor) -> Tensor:
        experts: Any = self.own[task]
        outputs = [*shared, *(expert(representation) for expert in experts)]
        shares = self.gates[task](representation).softmax(1)
        return (shares.unsqueeze(2) * torch.stack(outputs, 1)).sum(1)
