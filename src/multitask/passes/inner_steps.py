"""Plain gradient descent on a copy of a model's weights, which leaves the model as it is."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor
from torch.func import functional_call

from multitask.training.mean_losses import mean_where_labelled

if TYPE_CHECKING:
    from multitask.module import Batch, MultiTask, Outputs

PARTS = ("encoder", "sharing", "heads")
"""Of the model: through them inputs become outputs."""


@dataclass
class Descent:
    """Where some steps of descent have led.

    Args:
        weights: by name, the parameters that took the steps.
        gradients: by name, the sum of their gradients over the steps; empty without a step.
        outputs: raw outputs in the last step, before it changed the weights; empty without one.
    """

    weights: dict[str, Tensor]
    gradients: dict[str, Tensor]
    outputs: Outputs


def trained_parts(model: MultiTask) -> dict[str, Tensor]:
    """The parameters between inputs and outputs that learn, by their names in the model."""
    return {
        f"{part}.{name}": parameter
        for part in PARTS
        for name, parameter in getattr(model, part).named_parameters()
        if parameter.requires_grad
    }


def own_buffers(model: MultiTask) -> dict[str, Tensor]:
    """Copies of what a pass may change, such as running statistics, by their names in the model."""
    return {
        f"{part}.{name}": values.detach().clone()
        for part in PARTS
        for name, values in getattr(model, part).named_buffers()
    }


def passed(model: MultiTask, batch: Batch, state: Mapping[str, Tensor]) -> Outputs:
    """Pass a batch as with other parameters and buffers.

    Args:
        model: the model.
        batch: this process's.
        state: by name, what takes the place of the model's own; buffers may change.
    """
    return functional_call(model, dict(state), tuple(model.inputs_of(batch)))


def descend(
    model: MultiTask,
    batch: Batch,
    names: Iterable[str],
    buffers: Mapping[str, Tensor],
    steps: int,
    learning_rate: float,
) -> Descent:
    """Take steps on the weighted sum of the tasks' mean losses over this process's batch.

    Args:
        model: the model; its parameters stay as they are.
        batch: inputs and targets, the same in every step.
        names: of the parameters that take the steps.
        buffers: by name; a pass may change them.
        steps: their number.
        learning_rate: the factor on the gradient in each step; there is no momentum.
    """
    fixed = {name: each.detach() for name, each in trained_parts(model).items()}
    found = Descent({name: fixed[name] for name in names}, {}, {})
    for _ in range(steps):
        tried = {name: each.detach().requires_grad_() for name, each in found.weights.items()}
        with torch.enable_grad():
            found.outputs = passed(model, batch, {**fixed, **buffers, **tried})
            means = mean_where_labelled(model.task_losses(found.outputs, batch))
            loss = (means * model.task_weights).sum()
            slopes = torch.autograd.grad(loss, list(tried.values()), materialize_grads=True)
        for name, slope in zip(tried, slopes, strict=True):
            found.weights[name] = tried[name].detach() - learning_rate * slope
            before = found.gradients.get(name)
            found.gradients[name] = slope if before is None else before + slope
    return found
