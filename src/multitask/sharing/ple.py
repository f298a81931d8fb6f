"""Levels of experts: the output of a task's experts reaches other tasks one level later."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from torch import Tensor, nn

from multitask.encoders.base import Encoder
from multitask.encoders.forms import Form, Vector
from multitask.errors import InputError
from multitask.sharing.base import Mixing, Sharing
from multitask.sharing.experts import (
    Expert,
    ExpertCallable,
    Gate,
    expert_names,
    mixed,
    vector_size,
)
from multitask.sharing.reached import zero_of
from multitask.sharing.recent_mean import recent_mixing


class PLE(Sharing):
    """Progressive layered extraction (Tang et al., 2020, section 4.2).

    Each level has experts that all tasks share and task-specific experts, as in `MMoE` with ``own``
    experts. At each level, a task gets a mixture of the shared experts and its own, whose shares
    are ``softmax(W_t x_t)`` of x_t, its mixture at the previous level; at the first level x_t is
    the representation z. The next level's shared experts read a shared mixture of all experts of
    the level, including those of all tasks.

    Balancers at the representation compare gradients of the last level's inputs for each task, x_t,
    and of its shared experts' outputs; a task's gradient at another task's x is 0. At level
    ``shared`` they compare gradients of all parameters but the last level's task-specific experts
    and gates.

    `mixing` returns each task's mean shares at each level over about the last hundred training
    batches on the first process.

    Args:
        form: see `Sharing`; a vector.
        tasks: see `Sharing`.
        experts: number of shared experts of a level.
        own: number of task-specific experts of each task in a level.
        width: size of an expert's output.
        levels: number of levels, at least 2.
        expert: class of an expert, called with the sizes of its input and of its output.

    Raises:
        InputError: if the encoder does not return a vector, or a number is too small.
    """

    is_by_place = True

    def __init__(
        self,
        form: Form,
        tasks: list[str],
        experts: int = 2,
        own: int = 1,
        width: int = 64,
        levels: int = 2,
        expert: ExpertCallable = Expert,
    ) -> None:
        super().__init__(form, tasks)
        size = vector_size(form, type(self).__name__)
        if experts < 1 or own < 0 or width < 1:
            raise InputError(
                f"experts is {experts}, own {own} and width {width}; PLE needs at least one shared "
                "expert, and a width of at least 1"
            )
        if levels < 2:
            raise InputError(
                f"levels is {levels}; PLE needs at least 2, and one level is "
                "multitask.sharing.MMoE with own experts"
            )
        self.form = Vector(width)
        self.names = expert_names(experts, own)
        sizes = [size, *[width] * (levels - 2)]
        lower = [Level(each, tasks, experts, own, width, expert) for each in sizes]
        shared = _several(experts, width, width, expert)
        self.gates, self.own = _of_each_task(width, tasks, experts, own, width, expert)
        # In a tuple: they are children of the trunk, not of this module.
        self._of_trunk = lower, shared

    def trunk(self, encoder: Encoder) -> nn.Module:
        return Levels(encoder, *self._of_trunk)

    def own_parameters(self, trunk: nn.Module) -> list[nn.Parameter]:
        levels = self._of_trunk[0]
        # A task's lower gates reach the other tasks only through the task's own experts.
        has_own = any(len(each) for each in self.own.values())  # type: ignore[arg-type]
        unmixed = levels[-1:] if has_own else levels
        gates = [each for level in unmixed for each in level.gates.parameters()]
        return [*gates, *super().own_parameters(trunk)]

    def mixing(self) -> dict[str, Mixing]:
        levels = [*(each.gates for each in self._of_trunk[0]), self.gates]
        found: dict[str, Mixing] = {}
        for number, gates in enumerate(levels, 1):
            means: Any = [[gates[task].recent_shares] for task in self.tasks]
            found |= recent_mixing(f"level {number}", means, self.names)
        return found

    def forward(self, views: dict[str, list[Tensor]]) -> dict[str, Tensor]:
        return {task: self._mixed(task, view) for task, view in views.items()}

    def _mixed(self, task: str, view: Sequence[Tensor]) -> Tensor:
        values, shared = view[self.tasks.index(task)], view[len(self.tasks) :]
        experts: Any = self.own[task]
        outputs = [*shared, *(expert(values) for expert in experts)]
        return mixed(self.gates[task](values), outputs)


class Level(nn.Module):
    """A level below the last, all of whose experts reach all tasks.

    Args:
        size: size of the input.
        tasks: names of the tasks.
        experts: see `PLE`.
        own: see `PLE`.
        width: see `PLE`.
        expert: see `PLE`.
    """

    def __init__(
        self,
        size: int,
        tasks: Sequence[str],
        experts: int,
        own: int,
        width: int,
        expert: ExpertCallable,
    ) -> None:
        super().__init__()
        self.experts = nn.ModuleList(_several(experts, size, width, expert))
        self.gates, self.own = _of_each_task(size, tasks, experts, own, width, expert)
        self.shared_gate = Gate(size, experts + own * len(tasks))

    def forward(self, own: Sequence[Tensor], shared: Tensor) -> tuple[list[Tensor], Tensor]:
        """Compute the input of the next level.

        Args:
            own: each task's mixture at the previous level, ``[batch, size]``.
            shared: input of the shared experts, ``[batch, size]``.

        Returns:
            The same two for this level, ``[batch, width]``.
        """
        of_all = [expert(shared) for expert in self.experts]
        mixtures, everything = [], [*of_all]
        for (task, experts), values in zip(self.own.items(), own, strict=True):
            of_task = [expert(values) for expert in experts]  # type: ignore[attr-defined]
            mixtures.append(mixed(self.gates[task](values), [*of_all, *of_task]))
            everything += of_task
        mixture = mixed(self.shared_gate(shared), everything)
        if self.training:
            # The mixture of a task that does not train shared parameters reaches no other task.
            mixture = mixture + zero_of(self.gates)
        return mixtures, mixture


class Levels(nn.Module):
    """An encoder, the levels below the last, and the last level's shared experts.

    Args:
        encoder: an encoder that returns a vector.
        levels: the levels below the last.
        experts: the shared experts of the last level.
    """

    def __init__(
        self, encoder: Encoder, levels: Sequence[Level], experts: Sequence[nn.Module]
    ) -> None:
        super().__init__()
        self.encoder, self.levels = encoder, nn.ModuleList(levels)
        self.experts = nn.ModuleList(experts)

    def forward(self, *inputs: Tensor) -> list[Tensor]:
        """Compute the inputs of the last level for each task, then its shared experts' outputs."""
        shared = self.encoder(*inputs)
        first: Any = self.levels[0]
        own = [shared] * len(first.own)
        for level in self.levels:
            own, shared = level(own, shared)
        return [*own, *(expert(shared) for expert in self.experts)]


def _several(number: int, size: int, width: int, expert: ExpertCallable) -> list[nn.Module]:
    return [expert(size, width) for _ in range(number)]


def _of_each_task(
    size: int, tasks: Sequence[str], experts: int, own: int, width: int, expert: ExpertCallable
) -> Iterator[nn.ModuleDict]:
    """Each task's gate, then each task's own experts."""
    yield nn.ModuleDict({task: Gate(size, experts + own) for task in tasks})
    yield nn.ModuleDict({task: nn.ModuleList(_several(own, size, width, expert)) for task in tasks})
