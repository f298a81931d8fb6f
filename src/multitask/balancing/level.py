"""Where the tasks' gradients are compared: at the representation, or at shared parameters."""

from __future__ import annotations

from difflib import get_close_matches
from typing import Literal

from torch import Tensor, nn

from multitask.balancing.task_gradients import TaskGradients
from multitask.errors import InputError

LevelName = Literal["representation", "shared"]


class Level:
    """The place in the encoder at which a method sees the tasks' gradients.

    Args:
        name: ``representation`` compares per-sample gradients at the encoder's output, for the
            price of plain training; it sees the tasks' scales and few of their conflicts.
            ``shared`` compares the gradients of shared parameters, for one more backward pass
            through them for each task.
        parameters: with ``shared``, the encoder's module whose parameters are compared, such as the
            last block; all of the encoder's where not given.
    """

    def __init__(self, name: LevelName = "representation", parameters: str | None = None) -> None:
        if parameters is not None and name != "shared":
            raise InputError(
                f"parameters '{parameters}' are compared at level 'shared' only: set level: shared"
            )
        self.name = name
        self.parameters = parameters
        self.shared: list[nn.Parameter] = []

    @property
    def is_shared(self) -> bool:
        """Whether gradients of parameters are compared."""
        return self.name == "shared"

    def connect(self, encoder: nn.Module) -> None:
        """Find the parameters.

        Raises:
            InputError: if the encoder has no such module, or nothing in it is trained.
        """
        if not self.is_shared:
            return
        if any(hasattr(module, "_orig_mod") for module in encoder.modules()):
            raise InputError(
                "the balancer's level 'shared' cannot go through a compiled encoder several times: "
                "set level: representation, or do not compile"
            )
        module = encoder if self.parameters is None else self._find(encoder, self.parameters)
        self.shared = [each for each in module.parameters() if each.requires_grad]
        if not self.shared:
            raise InputError(
                f"the balancer's level 'shared' has no trained parameter in "
                f"{self.parameters or 'the encoder'}: name another module in parameters"
            )

    def check_run(self, sharded: bool) -> None:
        """Refuse a strategy whose parameters cannot be reached, or a compiled encoder.

        Raises:
            InputError: with what to set.
        """
        if self.is_shared and sharded:
            raise InputError(
                "the balancer's level 'shared' needs whole parameters, which a sharding strategy "
                "takes apart: set level: representation, or the strategy ddp"
            )

    def gramian(self, gradients: TaskGradients) -> Tensor:
        """Inner products of the tasks' gradients, shape ``[tasks, tasks]``."""
        if not self.is_shared:
            return gradients.gramian()
        jacobian = self.jacobian(gradients)
        return jacobian @ jacobian.T

    def jacobian(self, gradients: TaskGradients) -> Tensor:
        """The tasks' gradients of the shared parameters, shape ``[tasks, elements]``."""
        return gradients.jacobian(self.shared)

    @staticmethod
    def _find(encoder: nn.Module, name: str) -> nn.Module:
        modules = dict(encoder.named_modules())
        if name not in modules:
            near = get_close_matches(name, modules, n=1)
            hint = f"did you mean '{near[0]}'?" if near else f"it has {', '.join(modules)[2:]}"
            raise InputError(f"the encoder has no module '{name}' for the balancer: {hint}")
        return modules[name]
