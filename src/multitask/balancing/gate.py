"""The point where the tasks part: one autograd node that sees all their gradients at once."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from multitask.balancing.task_gradients import TaskGradients

Representation = Tensor | Sequence[Tensor] | Mapping[str, Tensor]
Receiver = Callable[[TaskGradients], Sequence[Tensor | None]]


class _Gate(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, receive: Receiver, tasks: int, *parts: Tensor) -> tuple[Tensor, ...]:
        ctx.receive, ctx.tasks = receive, tasks
        # A task without a loss has no gradient, which is cheaper than zeros.
        ctx.set_materialize_grads(False)
        ctx.save_for_backward(*parts)
        return tuple(part.view_as(part) for _ in range(tasks) for part in parts)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *gradients: Tensor | None) -> tuple[Any, ...]:
        parts = ctx.saved_tensors
        rows = [_stacked(gradients[place :: len(parts)], part) for place, part in enumerate(parts)]
        return None, None, *ctx.receive(TaskGradients(parts, rows, ctx.tasks))


def gate(representation: Any, tasks: Sequence[str], receive: Receiver) -> dict[str, Any]:
    """Hand each task its own view of the shared representation.

    The identity in the forward pass. In the backward pass, which stays one pass, ``receive`` gets
    the gradients of all tasks together, and what it returns continues to the encoder; the heads get
    their own gradients. A tensor behind which nothing is being trained has no gradient to balance,
    and is handed on as it is.

    Args:
        representation: the encoder's output: a tensor of any shape, or a sequence or dictionary of
            tensors.
        tasks: names of the tasks.
        receive: takes the tasks' gradients, returns one gradient for each tensor that has one (None
            for none).

    Returns:
        By task, the representation.
    """
    parts = _parts(representation)
    trained = [part for part in parts if part.requires_grad]
    views = iter(_Gate.apply(receive, len(tasks), *trained))
    return {
        task: _like(representation, iter([next(views) if e.requires_grad else e for e in parts]))
        for task in tasks
    }


def needs_gradient(representation: Any) -> bool:
    """Whether anything behind the representation is being trained."""
    return torch.is_grad_enabled() and any(part.requires_grad for part in _parts(representation))


def cut_off(representation: Any) -> Any:
    """The same values, from which no gradient returns."""
    return _like(representation, iter([part.detach() for part in _parts(representation)]))


def _parts(representation: Any) -> list[Tensor]:
    """All tensors of a representation, however its lists and dictionaries are nested."""
    if isinstance(representation, Tensor):
        return [representation]
    inner = representation.values() if isinstance(representation, Mapping) else representation
    return [part for each in inner for part in _parts(each)]


def _like(representation: Any, parts: Iterator[Tensor]) -> Any:
    """Put other tensors in the places of a representation's."""
    if isinstance(representation, Tensor):
        return next(parts)
    if isinstance(representation, Mapping):
        return {name: _like(each, parts) for name, each in representation.items()}
    return [_like(each, parts) for each in representation]


def _stacked(gradients: Sequence[Tensor | None], part: Tensor) -> Tensor | None:
    if all(gradient is None for gradient in gradients):
        return None
    return torch.stack([torch.zeros_like(part) if each is None else each for each in gradients])
