"""Plain gradient descent on a copy of a model's weights, which does not change the model."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from torch.func import functional_call

from multitask.training.mean_losses import mean_where_labelled

if TYPE_CHECKING:
    from multitask.module import Batch, MultiTask, Outputs

PARTS = ("encoder", "sharing", "heads")
"""Parts of the model between inputs and outputs."""


@dataclass
class Descent:
    """The result of some gradient descent steps.

    Args:
        weights: the parameters that were adapted, by name.
        gradients: the sum of their gradients over the steps, by name; empty without a step.
        outputs: raw outputs in the last step, before it changed the weights; empty without a step.
    """

    weights: dict[str, Tensor]
    gradients: dict[str, Tensor]
    outputs: Outputs


class Parts:
    """A model's parameters and buffers between inputs and outputs, looked up once for a batch.

    Args:
        model: the model.
    """

    def __init__(self, model: MultiTask) -> None:
        self.model = model
        self.trained: dict[str, Tensor] = {}
        self.buffers: dict[str, Tensor] = {}
        self._same: dict[str, str] = {}
        first: dict[int, str] = {}
        for part in PARTS:
            network: nn.Module = getattr(model, part)
            for name, each in network.named_parameters(part, remove_duplicate=False):
                # If several layers share a parameter, its first name stands for all.
                if (known := first.setdefault(id(each), name)) != name:
                    self._same[name] = known
                elif each.requires_grad:
                    self.trained[name] = each
            self.buffers |= dict(network.named_buffers(part))
        self._same = {name: each for name, each in self._same.items() if each in self.trained}

    def own_buffers(self) -> dict[str, Tensor]:
        """Copies of buffers that a pass may change, such as running statistics, by name."""
        return {name: each.detach().clone() for name, each in self.buffers.items()}

    def passed(self, batch: Batch, state: Mapping[str, Tensor]) -> Outputs:
        """Pass a batch with other parameters and buffers.

        Args:
            batch: batch of this process.
            state: values that replace the model's own, by name; buffers may change.
        """
        same = {name: state[each] for name, each in self._same.items() if each in state}
        inputs = tuple(self.model.inputs_of(batch))
        return functional_call(self.model, {**state, **same}, inputs, tie_weights=False)


def descend(
    parts: Parts,
    batch: Batch,
    names: Iterable[str],
    buffers: Mapping[str, Tensor],
    steps: int,
    learning_rate: float,
) -> Descent:
    """Take steps on the weighted sum of the tasks' mean losses over this process's batch.

    Args:
        parts: parts of the model, which stay unchanged.
        batch: inputs and targets, the same in every step.
        names: names of the parameters to adapt.
        buffers: buffers by name; a pass may change them.
        steps: number of steps.
        learning_rate: factor on the gradient in each step; there is no momentum.
    """
    model = parts.model
    fixed = {name: each.detach() for name, each in parts.trained.items()}
    found = Descent({name: fixed[name] for name in names}, {}, {})
    for _ in range(steps):
        tried = {name: each.detach().requires_grad_() for name, each in found.weights.items()}
        with torch.enable_grad():
            found.outputs = parts.passed(batch, {**fixed, **buffers, **tried})
            means = mean_where_labelled(model.task_losses(found.outputs, batch))
            loss = (means * model.task_weights).sum()
            slopes = torch.autograd.grad(loss, list(tried.values()), materialize_grads=True)
        for name, slope in zip(tried, slopes, strict=True):
            found.weights[name] = tried[name].detach() - learning_rate * slope
            before = found.gradients.get(name)
            found.gradients[name] = slope if before is None else before + slope
    return found
