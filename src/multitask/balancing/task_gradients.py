"""Each task's gradient at the shared representation, and quantities derived from it."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.distributed as dist
from torch import Tensor, nn

from multitask.distributed import world_size
from multitask.errors import InputError


class TaskGradients:
    """The data of one backward pass at the branching point of the tasks.

    Args:
        representation: the tensors that the encoder returned, attached to its graph.
        rows: for each of these tensors, the tasks' gradients there, shape ``[tasks, *shape of the
            tensor]``; None if no task has one. They are those of this process's samples, multiplied
            by the number of processes, because the strategy will average over processes.
        tasks: number of tasks.

    Attributes:
        teaches: the factor on each task in the combined gradient, shape ``[tasks]``. The gradients
            do not include it, except that the rows of a task with factor 0 are zeros.
    """

    def __init__(
        self, representation: Sequence[Tensor], rows: Sequence[Tensor | None], tasks: int
    ) -> None:
        self.representation = representation
        self.rows = rows
        self.tasks = tasks
        self.teaches = torch.ones(tasks, dtype=torch.float64)
        self._jacobians: dict[tuple[int, ...], Tensor] = {}
        self._gramian: Tensor | None = None

    def gramian(self) -> Tensor:
        """Inner products of the tasks' gradients at the representation, over the global batch.

        Returns:
            Shape ``[tasks, tasks]``, at least float32.
        """
        if self._gramian is None:
            parts = [_at_least_float32(rows.flatten(1)) for rows in self.rows if rows is not None]
            first, *others = (part @ part.T for part in parts)
            # A sample belongs to one process, so the products of the global batch are a sum.
            self._gramian = _sum(sum(others, first), world_size() ** 2)
        return self._gramian

    def teaching(self, labelled: Tensor) -> Tensor:
        """Mask of the labelled tasks with a factor above 0; the others are excluded from balancing.

        Args:
            labelled: mask of the tasks with labels in the batch, shape ``[tasks]``, bool.

        Returns:
            Shape ``[tasks]``, bool, on the device of ``labelled``.
        """
        return labelled & (self.teaches > 0).to(labelled.device)

    def jacobian(self, parameters: Sequence[nn.Parameter], room: Tensor | None = None) -> Tensor:
        """The tasks' gradients on the global batch with respect to shared parameters.

        It takes one backward pass through the encoder for each task.

        Args:
            parameters: some or all of the encoder's parameters.
            room: memory for the result, of its shape and dtype; default: new memory.

        Returns:
            Shape ``[tasks, elements of all parameters]``, at least float32.

        Raises:
            InputError: if the parameters cannot be reached from the representation.
        """
        key = tuple(id(parameter) for parameter in parameters)
        if key not in self._jacobians:
            self._jacobians[key] = self.jacobian_of(self.rows, parameters, room)
        return self._jacobians[key]

    def knows_jacobian(self, parameters: Sequence[nn.Parameter]) -> bool:
        """Whether `jacobian` is cached from an earlier call."""
        return tuple(id(parameter) for parameter in parameters) in self._jacobians

    def jacobian_of(
        self,
        rows: Sequence[Tensor | None],
        parameters: Sequence[nn.Parameter],
        room: Tensor | None = None,
    ) -> Tensor:
        """Like `jacobian`, for other gradients at the representation, such as a part's.

        Args:
            rows: see the class.
            parameters: see `jacobian`.
            room: see `jacobian`.
        """
        result = jacobian_room(self.tasks, parameters) if room is None else room
        for task, row in enumerate(result):
            if self.teaches[task] == 0:
                row.zero_()
                continue
            self._pull_back(
                [None if part is None else part[task] for part in rows], parameters, row
            )
        return _sum(result, world_size())

    def weighted(self, weights: Tensor) -> list[Tensor | None]:
        """Weighted sum of the tasks' gradients at the representation, with their factors.

        Args:
            weights: shape ``[tasks]``.

        Returns:
            One gradient for each tensor of the representation.
        """
        counted = self.counted(weights)
        return [
            None if rows is None else (counted.to(rows) @ rows.flatten(1)).view(rows.shape[1:])
            for rows in self.rows
        ]

    def counted(self, weights: Tensor) -> Tensor:
        """A balancer's weights times the tasks' factors ``teaches``, shape ``[tasks]``."""
        return weights * self.teaches.to(weights)

    def _pull_back(
        self, row: list[Tensor | None], parameters: Sequence[nn.Parameter], result: Tensor
    ) -> None:
        reached = [
            (part, gradient)
            for part, gradient in zip(self.representation, row, strict=True)
            if gradient is not None
        ]
        outputs, gradients = zip(*reached, strict=True)
        found = torch.autograd.grad(
            outputs, parameters, gradients, retain_graph=True, allow_unused=True
        )
        if all(gradient is None for gradient in found):
            raise InputError(
                "the balancer's level 'shared' found no gradient of the shared parameters; set "
                "use_reentrant=False for activation checkpointing, or use level 'representation'"
            )
        # One copy of all, which is faster for a small network than one copy for each parameter.
        flat = [
            torch.zeros_like(parameter).flatten() if gradient is None else gradient.flatten()
            for parameter, gradient in zip(parameters, found, strict=True)
        ]
        torch.cat(flat, out=result)


def jacobian_room(tasks: int, parameters: Sequence[nn.Parameter]) -> Tensor:
    """Uninitialised memory for a Jacobian, shape ``[tasks, elements of all parameters]``."""
    size = sum(parameter.numel() for parameter in parameters)
    dtype = torch.promote_types(parameters[0].dtype, torch.float32)
    return torch.empty(tasks, size, dtype=dtype, device=parameters[0].device)


def _at_least_float32(values: Tensor) -> Tensor:
    is_half = values.dtype in (torch.bfloat16, torch.float16)
    return values.float() if is_half else values


def _sum(values: Tensor, divisor: int) -> Tensor:
    """Sum over all processes, in place, and divide."""
    if world_size() > 1:
        dist.all_reduce(values)
        values.div_(divisor)
    return values
