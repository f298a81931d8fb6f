"""Several models of the same tasks, combined into one model."""

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
    """A deep ensemble (Lakshminarayanan et al., 2017, arXiv 1612.01474) with a model's interface.

    The ensemble has the tasks of a single model, and its raw outputs are chosen so that these tasks
    make pooled predictions, see `multitask.tasks.Task.pool`. Every metric, figure and table
    therefore works with it. It cannot be trained. The members are evaluated one after the other,
    and each member's weights are on the device only during its evaluation, so that the device holds
    one member at a time.

    Args:
        members: models of the same tasks, see `multitask.ensembles.agreement`.
        sources: origin of each model, for messages.

    Raises:
        InputError: if the meaning of a task's outputs is unknown.
    """

    def __init__(self, members: Sequence[MultiTask], sources: Sequence[str]) -> None:
        # The parts that `MultiTask` builds belong to a single network.
        super(Loadable, self).__init__()
        self.members, self.sources = _Members(members), list(sources)
        self.inputs = members[0].inputs
        tasks = copy.deepcopy(members[0].named_tasks)
        # A member's calibration is not that of the ensemble.
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
                    f"the task '{name}' is a {type(task).__name__}, which does not define how its "
                    "outputs are pooled; add a method `pool`, see multitask.tasks.Task.pool"
                )

    def forward(self, *inputs: Tensor) -> Outputs:
        """Compute the pooled raw outputs, see `MultiTask.forward`."""
        return {name: pool.output() for name, pool in self._pools(inputs).items()}

    def predict(self, *inputs: Tensor) -> dict[str, Tensor]:
        """Predict, and measure the disagreement of the members.

        Returns:
            See `MultiTask.predict`; in addition, the values of
            `multitask.tasks.pooling.Pool.disagreement` as ``<task>.<what>``.
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
            f"an ensemble of {len(self.members)} models is not a single network; use one of its "
            f"members, such as {self.sources[0]}"
        )

    encoder = property(_has_none)
    sharing = property(_has_none)
    heads = property(_has_none)


class _Members(nn.ModuleList):
    """Models whose weights stay where they were read, on whichever device they are evaluated."""

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> Any:
        def stay(values: Tensor) -> Tensor:
            found = fn(values)
            return values if found.dtype == values.dtype else found.to(values.device)

        return super()._apply(stay, recurse)


def computed(member: MultiTask, inputs: Sequence[Tensor]) -> Outputs:
    """Compute a model's raw outputs on the inputs' device, wherever its weights are.

    Args:
        member: the model; its weights are moved to the device for the computation only.
        inputs: see `MultiTask.forward`.
    """
    device = inputs[0].device
    named = chain(member.named_parameters(), member.named_buffers())
    weights = {name: each.to(device) for name, each in named if each.device != device}
    return functional_call(member, weights, tuple(inputs)) if weights else member(*inputs)
