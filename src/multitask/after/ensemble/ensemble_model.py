"""Several models of the same tasks as one model."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from itertools import chain
from typing import Any, NoReturn

import torch
from torch import Tensor, nn
from torch.func import functional_call

from multitask import training
from multitask.checkpoints.calibrations import take_calibrations
from multitask.checkpoints.loading import Loadable
from multitask.errors import InputError
from multitask.module import MultiTask, Outputs
from multitask.passes import PlainPass
from multitask.tasks.pooling import Pool
from multitask.tasks.predictions import predicted


class EnsembleModel(MultiTask):
    """A deep ensemble (Lakshminarayanan et al., 2017, 1612.01474) that passes for one model.

    Its raw outputs are such that the tasks, which are those of one model, make pooled predictions
    of them, see `multitask.tasks.Task.pool`; so every metric, figure and table works on it. It is
    not trained. The members compute one after the other, and their weights are on the device only
    as long as they do, so that the device holds those of one.

    Args:
        members: the models, of the same tasks, see `multitask.ensembles.agreement`.
        sources: what each was read from, for messages.

    Raises:
        InputError: if nothing is known of what the outputs of a task mean.
    """

    def __init__(self, members: Sequence[MultiTask], sources: Sequence[str]) -> None:
        # What `MultiTask` builds are the parts of one network.
        super(Loadable, self).__init__()
        self.members, self.sources = _Members(members), list(sources)
        self.inputs = members[0].inputs
        tasks = copy.deepcopy(members[0].named_tasks)
        # A member's own is not the ensemble's.
        take_calibrations(tasks, None)
        self.tasks, self.task_losses = nn.ModuleDict(tasks), training.TaskLosses(tasks)
        self.evaluations = training.Evaluations(tasks)
        weights = torch.tensor([task.weight for task in tasks.values()])
        self.register_buffer("task_weights", weights, persistent=False)
        self.skipped, self.divergence = training.SkippedSteps(0), training.Divergence(tasks)
        self._callbacks = []
        self.training_pass = PlainPass()
        for name, task in tasks.items():
            if task.pool() is None:
                raise InputError(
                    f"the task '{name}' is a {type(task).__name__}, which does not tell how its "
                    "outputs are pooled; give it a method `pool`, see multitask.tasks.Task.pool"
                )

    def forward(self, *inputs: Tensor) -> Outputs:
        """Compute the pooled raw outputs, see `MultiTask.forward`."""
        return {name: pool.output() for name, pool in self._pools(inputs).items()}

    def predict(self, *inputs: Tensor) -> dict[str, Tensor]:
        """Predict, and tell how far the members differ.

        Returns:
            See `MultiTask.predict`; beside them, as ``<task>.<what>``, what
            `multitask.tasks.pooling.Pool.disagreement` tells.
        """
        pools = self._pools(inputs)
        outputs = {name: pool.output() for name, pool in pools.items()}
        found = predicted(self.named_tasks, outputs)
        for name, pool in pools.items():
            found |= {f"{name}.{what}": each for what, each in pool.disagreement().items()}
        return found

    def _pools(self, inputs: Sequence[Tensor]) -> dict[str, Pool]:
        pools = {name: task.pool() for name, task in self.named_tasks.items()}
        for member in self.members:
            assert isinstance(member, MultiTask)
            outputs = computed(member, inputs)
            for name, pool in pools.items():
                assert pool is not None
                pool.add(member.named_tasks[name], outputs[name])
        return pools  # type: ignore[return-value]

    def _has_none(self) -> NoReturn:
        raise InputError(
            f"an ensemble of {len(self.members)} models has no network of its own; take one of its "
            f"members, such as {self.sources[0]}"
        )

    encoder = property(_has_none)
    sharing = property(_has_none)
    heads = property(_has_none)


class _Members(nn.ModuleList):
    """Models whose weights stay where they were read, whatever device they compute on."""

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> Any:
        def stay(values: Tensor) -> Tensor:
            found = fn(values)
            return values if found.dtype == values.dtype else found.to(values.device)

        return super()._apply(stay, recurse)


def computed(member: MultiTask, inputs: Sequence[Tensor]) -> Outputs:
    """A model's raw outputs, on the inputs' device, wherever its weights are.

    Args:
        member: the model; its weights are moved as long as this takes.
        inputs: see `MultiTask.forward`.
    """
    device = inputs[0].device
    named = chain(member.named_parameters(), member.named_buffers())
    weights = {name: each.to(device) for name, each in named if each.device != device}
    return functional_call(member, weights, tuple(inputs)) if weights else member(*inputs)
