"""Experts that tasks share, with a separate mixture for each task."""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn

from multitask.encoders.base import Encoder
from multitask.encoders.forms import Form, Vector
from multitask.errors import InputError
from multitask.sharing.base import Mixing, Sharing
from multitask.sharing.experts import (
    Expert,
    ExpertCallable,
    Experts,
    Gate,
    expert_names,
    mixed,
    vector_size,
)
from multitask.sharing.recent_mean import recent_mixing


class MMoE(Sharing):
    """Multi-gate mixture of experts (Ma et al., 2018), and customised gate control.

    Task t sees the mean of the experts' outputs, weighted by ``softmax(W_t z)`` of the
    representation z (section 4.2 of the paper). With ``own`` experts for each task in addition to
    the shared ones, it is CGC (Tang et al., 2020, "Progressive Layered Extraction", section 4.1).

    Balancers at the representation compare gradients of z and of the shared experts' outputs; at
    level ``shared``, gradients of the encoder's and the shared experts' parameters.

    `mixing` returns each task's mean shares over about the last hundred training batches on the
    first process.

    Args:
        form: see `Sharing`; a vector.
        tasks: see `Sharing`.
        experts: number of experts that all tasks share.
        own: number of task-specific experts of each task.
        width: size of an expert's output.
        expert: class of an expert, called with the sizes of the representation and of its output.

    Raises:
        InputError: if the encoder does not return a vector, or a task would have no expert.
    """

    def __init__(
        self,
        form: Form,
        tasks: list[str],
        experts: int = 4,
        own: int = 0,
        width: int = 64,
        expert: ExpertCallable = Expert,
    ) -> None:
        super().__init__(form, tasks)
        size = vector_size(form, type(self).__name__)
        if min(experts, own) < 0 or experts + own == 0 or width < 1:
            raise InputError(
                f"experts is {experts}, own {own} and width {width}; a task needs at least one "
                "expert with a width of at least 1"
            )
        self.form = Vector(width)
        self.gates = nn.ModuleDict({task: Gate(size, experts + own) for task in tasks})
        self.own = nn.ModuleDict(
            {task: nn.ModuleList(expert(size, width) for _ in range(own)) for task in tasks}
        )
        self.names = expert_names(experts, own)
        # In a tuple: they are children of the trunk, not of this module.
        self._shared = (*(expert(size, width) for _ in range(experts)),)

    def trunk(self, encoder: Encoder) -> nn.Module:
        return Experts(encoder, self._shared)

    def mixing(self) -> dict[str, Mixing]:
        gates: Any = [self.gates[task] for task in self.tasks]
        return recent_mixing("experts", [[each.recent_shares] for each in gates], self.names)

    def forward(self, views: dict[str, list[Tensor]]) -> dict[str, Tensor]:
        return {task: self._mixed(task, *view) for task, view in views.items()}

    def _mixed(self, task: str, representation: Tensor, *shared: Tensor) -> Tensor:
        experts: Any = self.own[task]
        outputs = [*shared, *(expert(representation) for expert in experts)]
        return mixed(self.gates[task](representation), outputs)
