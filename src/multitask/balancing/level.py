"""The level at which gradients are compared: the representation, or shared parameters."""

from __future__ import annotations

from difflib import get_close_matches
from typing import Literal

import torch
from torch import Tensor, nn

from multitask.balancing.task_gradients import TaskGradients, jacobian_room
from multitask.errors import InputError

LevelName = Literal["representation", "shared"]


class Level:
    """The place in the encoder at which a method receives the tasks' gradients.

    Args:
        name: ``representation`` compares per-sample gradients at the encoder's output, at the cost
            of plain training; it captures the tasks' scales but few of their conflicts. ``shared``
            compares the gradients of shared parameters, which takes one more backward pass through
            them for each task.
        parameters: with ``shared``, the name of the encoder's module whose parameters are compared,
            such as the last block; default: the whole encoder.
    """

    def __init__(self, name: LevelName = "representation", parameters: str | None = None) -> None:
        if parameters is not None and name != "shared":
            raise InputError(
                f"parameters '{parameters}' are compared only at level 'shared'; set level: shared"
            )
        self.name = name
        self.parameters = parameters
        # In a tuple, because it is a child of the encoder, not of the balancer.
        self._compared: tuple[nn.Module, ...] = ()
        self.has_stepped = False
        """Whether the optimizer has made a step in this process."""
        self._taken: tuple[list[nn.Parameter], Tensor] | None = None
        # For the Jacobian if no method receives it: on a CPU, allocating so much memory in each
        # step takes as long as filling it.
        self._room: Tensor | None = None

    @property
    def is_shared(self) -> bool:
        """Whether gradients of parameters are compared."""
        return self.name == "shared"

    @property
    def shared(self) -> list[nn.Parameter]:
        """The parameters that are compared: those that are currently trained."""
        named = (parameter for each in self._compared for parameter in each.parameters())
        return [parameter for parameter in named if parameter.requires_grad]

    def connect(self, encoder: nn.Module) -> None:
        """Find the parameters.

        Args:
            encoder: the part of the model that all tasks share.

        Raises:
            InputError: if the encoder has no such module, nothing in it is trained, or there is
                nothing to compare.
        """
        self.has_stepped, self._room = False, None
        if reason := self.nothing_in_common(encoder):
            raise InputError(
                f"the balancer's level '{self.name}' has no gradients to compare: {reason}"
            )
        if not self.is_shared:
            return
        if any(_is_compiled(module) for module in encoder.modules()):
            raise InputError(
                "the balancer's level 'shared' cannot go through a compiled encoder several times; "
                "set level: representation, or do not compile"
            )
        module = encoder if self.parameters is None else self._find(encoder, self.parameters)
        self._compared = (module,)
        if not self.shared:
            raise InputError(
                f"the balancer's level 'shared' has no trained parameter in "
                f"{self.parameters or 'the encoder'}; name another module in parameters"
            )

    def nothing_in_common(self, encoder: nn.Module) -> str | None:
        """Why the tasks have no numbers in common at this level; None if they have some.

        Args:
            encoder: the part of the model that all tasks share; its attribute ``incomparable``, if
                any, holds the reason by the level's name.
        """
        found: dict[str, str] = getattr(encoder, "incomparable", {})
        return found.get(self.name)

    def check_run(self, sharded: bool) -> None:
        """Reject a strategy whose parameters are not accessible, or a compiled encoder.

        Raises:
            InputError: says what to set.
        """
        if self.is_shared and sharded:
            raise InputError(
                "the balancer's level 'shared' needs whole parameters, but a sharding strategy "
                "splits them; set level: representation, or use the ddp strategy"
            )

    def gramian(self, gradients: TaskGradients) -> Tensor:
        """Inner products of the tasks' gradients, shape ``[tasks, tasks]``."""
        if not self.is_shared:
            return gradients.gramian()
        shared = self.shared
        shape = gradients.tasks, sum(parameter.numel() for parameter in shared)
        if self._room is None or self._room.shape != shape:
            self._room = jacobian_room(gradients.tasks, shared)
        jacobian = gradients.jacobian(shared, self._room)
        return jacobian @ jacobian.T

    def jacobian(self, gradients: TaskGradients) -> Tensor:
        """The tasks' gradients of the shared parameters, shape ``[tasks, elements]``."""
        # The caller may keep it.
        self._room = None
        return gradients.jacobian(self.shared)

    def weighted(self, weights: Tensor, gradients: TaskGradients) -> list[Tensor | None]:
        """Compute the weighted sum of gradients, without a pass through the encoder if possible.

        The tasks' factors ``teaches`` are applied.

        Args:
            weights: shape ``[tasks]``.
            gradients: the tasks' gradients.

        Returns:
            One gradient for each tensor of the representation.
        """
        if not self.is_shared or self.parameters is not None:
            return gradients.weighted(weights)
        shared = self.shared
        if not gradients.knows_jacobian(shared):
            return gradients.weighted(weights)
        jacobian = gradients.jacobian(shared)
        counted = gradients.counted(weights)
        return self._take(shared, counted.to(jacobian) @ jacobian, gradients)

    def take(self, direction: Tensor, gradients: TaskGradients) -> list[Tensor | None]:
        """Store a gradient of the shared parameters until the end of the backward pass.

        Args:
            direction: the gradient, shape ``[elements]``; it becomes the gradient of the
                parameters.
            gradients: the tasks' gradients.

        Returns:
            The gradient to propagate through the encoder instead, for each tensor of the
            representation.
        """
        return self._take(self.shared, direction, gradients)

    def _take(
        self, shared: list[nn.Parameter], direction: Tensor, gradients: TaskGradients
    ) -> list[Tensor | None]:
        self._taken = (shared, direction)
        if self.has_stepped:
            # Autograd still visits every parameter, which DistributedDataParallel waits for.
            return [None for _ in gradients.rows]
        # A static graph depends on which parameters had a gradient in the first step.
        return gradients.weighted(torch.zeros(gradients.tasks))

    def add_to_gradients(self) -> None:
        """Add the stored gradient to the parameters' gradients; called after each backward pass."""
        if self._taken is None:
            return
        parameters, direction = self._taken
        sizes = [parameter.numel() for parameter in parameters]
        for parameter, part in zip(parameters, direction.split(sizes), strict=True):
            part = part.view_as(parameter).to(parameter)
            parameter.grad = part if parameter.grad is None else parameter.grad.add_(part)
        self._taken = None

    @staticmethod
    def _find(encoder: nn.Module, name: str) -> nn.Module:
        modules = dict(encoder.named_modules())
        if name not in modules:
            near = get_close_matches(name, modules, n=1)
            hint = f"did you mean '{near[0]}'?" if near else f"it has {', '.join(modules)[2:]}"
            raise InputError(f"the encoder has no module '{name}' for the balancer; {hint}")
        return modules[name]


def _is_compiled(module: nn.Module) -> bool:
    # By torch.compile, or in place by the module's own method.
    return hasattr(module, "_orig_mod") or module._compiled_call_impl is not None
