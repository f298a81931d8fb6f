"""At most k of the experts for each task, selected by differentiable parameters."""

from __future__ import annotations

from math import inf
from typing import Any

import torch
from torch import Tensor, nn

from multitask.encoders.base import Encoder
from multitask.encoders.forms import Form, Vector
from multitask.errors import InputError
from multitask.sharing.base import Mixing, Sharing
from multitask.sharing.experts import (
    Expert,
    ExpertCallable,
    Experts,
    expert_names,
    mixed,
    vector_size,
)
from multitask.sharing.recent_mean import recent_mixing
from multitask.sharing.selector_gates import ExampleGate, StaticGate

ENTROPY = 0.01
"""Default factor on the selectors' entropy."""


class DSelectK(Sharing):
    """DSelect-k (Hazimeh et al., 2021, "DSelect-k: Differentiable Selection", section 3).

    The experts are those of `MMoE`, and all tasks share them. A task has k selectors, each of which
    converges to one expert. The task sees the mean of the experts' outputs, weighted by ``sum_i
    softmax(a)_i r(s_i)``. A selector s has a number for each bit of an expert's index, and r(s) of
    an expert is the product over its bits of S(s) if the bit is 1, and of 1 - S(s) if it is 0. S is
    a smooth step, exactly 0 below -gamma/2 and exactly 1 above gamma/2.

    By default a and s are parameters, the same for all samples; with ``per_example`` they are
    linear in the representation z, as in the paper's version with sparse experts for each sample.

    The penalty is added to the loss after the balancer, and is not weighted. It is ``entropy``
    times the entropy of each selector, which drives it to one expert. If the number of experts is
    not a power of 2, 1 / (sum of r over the experts) - 1 is added, which keeps a selector away from
    indices without an expert; the paper has no -1, which does not change gradients. The penalty may
    only depend on parameters, so gates per example have none.

    Balancers at the representation compare gradients of the experts' outputs, and of z if the gates
    read it; at level ``shared``, gradients of the encoder's and the experts' parameters.

    `mixing` returns each task's shares; per example, their means over about the last hundred
    training batches on the first process.

    Args:
        form: see `Sharing`; a vector.
        tasks: see `Sharing`.
        experts: number of experts, preferably a power of 2: with 5 experts at 8 indices, the
            penalty soon leads away from the fifth too, which is next to the unused indices.
        k: maximum number of experts that a task selects.
        width: size of an expert's output.
        gamma: width of the smooth step.
        per_example: whether a task selects experts for each sample separately.
        entropy: factor on the selectors' entropy; default: 0.01, and none per example.
        expert: class of an expert, called with the sizes of the representation and of its output.

    Raises:
        InputError: if the encoder does not return a vector, or the settings are not compatible.
    """

    def __init__(
        self,
        form: Form,
        tasks: list[str],
        experts: int = 4,
        k: int = 2,
        width: int = 64,
        gamma: float = 1.0,
        per_example: bool = False,
        entropy: float | None = None,
        expert: ExpertCallable = Expert,
    ) -> None:
        super().__init__(form, tasks)
        size = vector_size(form, type(self).__name__)
        _check_experts(experts, k, width)
        _check_penalty(experts, gamma, per_example, entropy)
        self.form, self.per_example = Vector(width), per_example
        self.entropy = ENTROPY if entropy is None else entropy
        self.gates = nn.ModuleDict()
        for task in tasks:
            sizes = experts, k, gamma
            self.gates[task] = ExampleGate(size, *sizes) if per_example else StaticGate(*sizes)
        self.names = expert_names(experts)
        # In a tuple: they are children of the trunk, not of this module.
        self._shared = (*(expert(size, width) for _ in range(experts)),)

    def trunk(self, encoder: Encoder) -> nn.Module:
        return Experts(encoder, self._shared, gates_read=self.per_example)

    def penalty(self) -> Tensor | None:
        if self.per_example:
            return None
        gates: Any = self.gates.values()
        selectors = torch.cat([gate.selectors() for gate in gates])
        total = -self.entropy * (selectors * selectors.clamp_min(1e-12).log()).sum()
        if not _is_power_of_2(selectors.shape[1]):
            total = total + (1 / selectors.sum(1).clamp_min(1e-6) - 1).sum()
        return total

    def mixing(self) -> dict[str, Mixing]:
        gates: Any = [self.gates[task] for task in self.tasks]
        if self.per_example:
            return recent_mixing("experts", [[each.recent_shares] for each in gates], self.names)
        with torch.no_grad():
            shares = torch.cat([gate() for gate in gates]).float().cpu()
        return {"experts": Mixing(shares, self.names)}

    def forward(self, views: dict[str, list[Tensor]]) -> dict[str, Tensor]:
        if self.per_example:
            return {task: mixed(self.gates[task](z), outs) for task, (z, *outs) in views.items()}
        return {task: mixed(self.gates[task](), outputs) for task, outputs in views.items()}


def _check_experts(experts: int, k: int, width: int) -> None:
    if not 1 <= k <= experts or width < 1:
        raise InputError(
            f"experts is {experts}, k {k} and width {width}; a task chooses between 1 and all of "
            "the experts, each of a width of at least 1"
        )


def _check_penalty(experts: int, gamma: float, per_example: bool, entropy: float | None) -> None:
    if not 0 < gamma < inf:
        raise InputError(f"gamma is {gamma}; give the width of the smooth step, above 0")
    if entropy is not None and not 0 <= entropy < inf:
        raise InputError(f"entropy is {entropy}; give a factor of at least 0")
    if not per_example:
        return
    if entropy:
        raise InputError(
            f"entropy is {entropy}, but gates per example have no penalty, which applies only "
            "to parameters; remove entropy, or set per_example to false"
        )
    if experts < 2 or not _is_power_of_2(experts):
        raise InputError(
            f"experts is {experts}; with per_example, give a power of 2, such as 4, since no "
            "penalty keeps a selector away from places without an expert"
        )


def _is_power_of_2(number: int) -> bool:
    return number & (number - 1) == 0
