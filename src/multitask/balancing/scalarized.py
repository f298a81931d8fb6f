"""Scalarizations of the torchjd library as balancers."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from functools import partial
from typing import Any

import torch
from jsonargparse.typing import register_type
from torch import Tensor, nn
from torch.func import functional_call
from torch.optim import Optimizer
from torchjd.scalarization import DWA, FAMO, IMTLL, UW, GeometricMean, Scalarizer

from multitask.balancing.base import Balancer, refuse_negative
from multitask.balancing.scale_invariant import ScaleInvariant
from multitask.errors import InputError

# Some scalarizations take preference vectors as tensors; in YAML they are lists of numbers.
register_type(Tensor, serializer=Tensor.tolist, deserializer=torch.tensor)


NEGATIVE: dict[type[Scalarizer], str] = {
    DWA: "compares losses by their ratio from epoch to epoch",
    FAMO: "takes logarithms of losses",
    GeometricMean: "takes roots of losses",
    IMTLL: "lets the weight of a loss below 0 grow without limit",
    ScaleInvariant: "takes logarithms of losses",
    UW: "lets the weight of a loss below 0 grow without limit",
}
"""Methods that become NaN, infinite or meaningless for negative losses, and why."""
NOT_STATE = {*vars(nn.Module()), "shape"}


class Scalarized(Balancer):
    """Balances with a method of ``torchjd.scalarization``, such as uncertainty weighting (``UW``).

    The method receives each loss times its task's ``weight``. A task without labels in the batch is
    excluded from the balancing: its loss, and its entry in the method's parameters, are dropped.
    Methods with a memory of losses (``DWA``, ``FAMO``) receive the task's last known loss instead.

    Args:
        scalarizer: a torchjd scalarization; in Python also a ``functools.partial`` of one.
    """

    last_losses: Tensor
    scalarizer: Any

    def __init__(self, scalarizer: Scalarizer) -> None:
        super().__init__()
        made: Any = scalarizer
        self.scalarizer = made() if isinstance(made, partial) else made
        if learnt := list(self.scalarizer.parameters()):
            # torchjd does not store this argument, which a checkpoint needs to rebuild the object.
            self.scalarizer.shape = list(learnt[0].shape)
        for name, value in list(vars(self.scalarizer).items()):
            if isinstance(value, Tensor):
                # A buffer moves with the model to its device and into its checkpoint.
                delattr(self.scalarizer, name)
                self.scalarizer.register_buffer(name, value)
        self.remembers_losses = any(hasattr(self.scalarizer, hook) for hook in ("update", "step"))
        self.register_buffer("last_losses", torch.ones(0))
        self.last_labelled = torch.ones(0, dtype=torch.bool)

    def check(self, tasks: list[str]) -> None:
        self.last_losses = torch.ones(len(tasks))
        try:
            deepcopy(self.scalarizer)(torch.ones(len(tasks)))
        except ValueError as error:
            raise InputError(
                f"the balancer {self.scalarizer!r} does not fit the {len(tasks)} tasks "
                f"{', '.join(tasks)}: {str(error).splitlines()[0]} Give it one entry for each task."
            ) from error

    def check_negative(self, tasks: list[str]) -> None:
        for kind, reason in NEGATIVE.items():
            if not isinstance(self.scalarizer, kind):
                continue
            cure = ""
            if isinstance(self.scalarizer, FAMO):
                if bool((self.scalarizer.min_losses != 0).any()):
                    # The user has set lower bounds of the losses.
                    return
                cure = ", or set FAMO's min_losses to numbers that no loss falls below"
            refuse_negative(type(self.scalarizer).__name__, reason, tasks, cure)

    def keeps_for_itself(self) -> list[str]:
        if not hasattr(self.scalarizer, "update"):
            return []
        return [f"scalarizer.{name}" for name, _ in self.scalarizer.named_parameters()]

    def forward(self, losses: Tensor, labelled: Tensor) -> Tensor:
        if self.remembers_losses:
            return self.scalarizer(self._filled(losses, labelled))
        if bool(labelled.all()):
            return self.scalarizer(losses)
        if not bool(labelled.any()):
            return losses.sum()
        return functional_call(self.scalarizer, self._rows(labelled), (losses[labelled],))

    def after_step(self, losses: Callable[[], Tensor]) -> None:
        if hasattr(self.scalarizer, "update"):
            known = self.last_labelled.to(self.last_losses.device)
            self.scalarizer.update(torch.where(known, losses(), self.last_losses))

    def after_epoch(self) -> None:
        if hasattr(self.scalarizer, "step"):
            self.scalarizer.step()

    def get_extra_state(self) -> dict[str, Any]:
        """The state of the scalarization outside its parameters and buffers."""
        kept = {key: value for key, value in vars(self.scalarizer).items() if key not in NOT_STATE}
        return {
            key: {"optimizer": value.state_dict()} if isinstance(value, Optimizer) else value
            for key, value in kept.items()
            if isinstance(value, int | float | Tensor | list | Optimizer | None)
        }

    def set_extra_state(self, state: dict[str, Any]) -> None:
        """Restore the return value of `get_extra_state`."""
        for key, value in state.items():
            if isinstance(value, dict):
                # FAMO creates its Adam at its first update, so a new object has none to load into.
                optimizer = torch.optim.Adam(self.scalarizer.parameters())
                optimizer.load_state_dict(value["optimizer"])
                value = optimizer
            setattr(self.scalarizer, key, value)

    def _filled(self, losses: Tensor, labelled: Tensor) -> Tensor:
        for name, value in vars(self.scalarizer).items():
            # State that was read from a checkpoint is on the CPU.
            setattr(self.scalarizer, name, _on(value, losses.device))
        filled = torch.where(labelled, losses, self.last_losses.to(losses))
        self.last_losses, self.last_labelled = filled.detach().clone(), labelled
        return filled

    def _rows(self, labelled: Tensor) -> dict[str, Tensor]:
        named = [*self.scalarizer.named_parameters(), *self.scalarizer.named_buffers()]
        return {name: value[labelled] for name, value in named if value.shape == labelled.shape}


def _on(value: Any, device: torch.device) -> Any:
    if isinstance(value, Optimizer):
        for state in value.state.values():
            # Adam counts its steps on the CPU.
            state.update({key: _on(each, device) for key, each in state.items() if key != "step"})
    if isinstance(value, list):
        return [_on(each, device) for each in value]
    return value.to(device) if isinstance(value, Tensor) else value
