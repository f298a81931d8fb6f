"""The branching point of the tasks: one autograd node that receives all their gradients."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from multitask.balancing.task_gradients import TaskGradients

Representation = Tensor | Sequence[Tensor] | Mapping[str, Tensor]
Receiver = Callable[[TaskGradients], Sequence[Tensor | None]]


LARGE = 2**20
"""Minimum number of elements in the gradients of all tasks at a tensor for writing them to their
rows when they arrive, instead of copying them at the end."""


class _Rows:
    """Memory for the tasks' gradients at one tensor, so that gradients are stored only once."""

    def __init__(self, tasks: int) -> None:
        self.tasks = tasks
        self.memory: Tensor | None = None

    def put(self, task: int, gradient: Tensor) -> Tensor:
        """Copy a task's gradient into its row, and return the row."""
        if self.memory is None:
            self.memory = gradient.new_empty(self.tasks, *gradient.shape)
        return self.memory[task].copy_(gradient)

    def taken(self, gradients: Sequence[Tensor | None]) -> Tensor | None:
        """Return all rows and release them; zeros for a task without a gradient."""
        memory, self.memory = self.memory, None
        if memory is None:
            return None
        for row, gradient in zip(memory, gradients, strict=True):
            if gradient is None:
                row.zero_()
            elif gradient.data_ptr() != row.data_ptr():
                # Something has changed it on its way.
                row.copy_(gradient)
        return memory


class _Row(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, rows: _Rows, task: int, view: Tensor) -> Tensor:
        ctx.rows, ctx.task = rows, task
        ctx.set_materialize_grads(False)
        return view.view_as(view)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor | None) -> tuple[Any, ...]:
        return None, None, None if gradient is None else ctx.rows.put(ctx.task, gradient)


class _Gate(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, receive: Receiver, rows: Sequence[_Rows | None], tasks: int, *parts: Tensor
    ) -> tuple[Tensor, ...]:
        ctx.receive, ctx.rows, ctx.tasks = receive, rows, tasks
        # A task without a loss has no gradient, which is cheaper than zeros.
        ctx.set_materialize_grads(False)
        ctx.save_for_backward(*parts)
        return tuple(part.view_as(part) for _ in range(tasks) for part in parts)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *gradients: Tensor | None) -> tuple[Any, ...]:
        parts = ctx.saved_tensors
        own = [gradients[place :: len(parts)] for place in range(len(parts))]
        rows = [
            _stacked(each, part) if room is None else room.taken(each)
            for each, part, room in zip(own, parts, ctx.rows, strict=True)
        ]
        return None, None, None, *ctx.receive(TaskGradients(parts, rows, ctx.tasks))


def gate(representation: Any, tasks: Sequence[str], receive: Receiver) -> dict[str, Any]:
    """Give each task its own view of the shared representation.

    It is the identity in the forward pass. In the single backward pass, ``receive`` gets the
    gradients of all tasks together, and its return value continues to the encoder; the heads get
    their own gradients. If nothing before a tensor is trained, there is no gradient to balance, and
    the tensor is passed on unchanged.

    Args:
        representation: the encoder's output: a tensor of any shape, or a sequence or dictionary of
            tensors.
        tasks: names of the tasks.
        receive: maps the tasks' gradients to one gradient for each tensor that has one (None for
            the others).

    Returns:
        By task, the representation.
    """
    parts = _parts(representation)
    trained = [part for part in parts if part.requires_grad]
    count = len(tasks)
    rows = [_Rows(count) if count * part.numel() >= LARGE else None for part in trained]
    views = iter(
        view if room is None else _Row.apply(room, place // len(trained), view)
        for place, (view, room) in enumerate(
            zip(_Gate.apply(receive, rows, count, *trained), rows * count, strict=True)
        )
    )
    return {
        task: _like(representation, iter([next(views) if e.requires_grad else e for e in parts]))
        for task in tasks
    }


def needs_gradient(representation: Any) -> bool:
    """Whether anything before the representation is trained."""
    return torch.is_grad_enabled() and any(part.requires_grad for part in _parts(representation))


def cut_off(representation: Any) -> Any:
    """The same values, detached from the graph."""
    return _like(representation, iter([part.detach() for part in _parts(representation)]))


def _parts(representation: Any) -> list[Tensor]:
    """All tensors of a representation, in nested lists and dictionaries."""
    if isinstance(representation, Tensor):
        return [representation]
    inner = representation.values() if isinstance(representation, Mapping) else representation
    return [part for each in inner for part in _parts(each)]


def _like(representation: Any, parts: Iterator[Tensor]) -> Any:
    """Replace the tensors of a representation by others."""
    if isinstance(representation, Tensor):
        return next(parts)
    if isinstance(representation, Mapping):
        return {name: _like(each, parts) for name, each in representation.items()}
    return [_like(each, parts) for each in representation]


def _stacked(gradients: Sequence[Tensor | None], part: Tensor) -> Tensor | None:
    if all(gradient is None for gradient in gradients):
        return None
    return torch.stack([torch.zeros_like(part) if each is None else each for each in gradients])
