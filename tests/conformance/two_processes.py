"""Trains with balancers in several ways, on one process or on two.

A Trainer and a strategy take most of the time of so short a training. Representatives are trained
with them; with each of the other balancers, a few steps are taken by hand.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist
from conformance.cases import CASES, Case, representatives
from conformance.training import FewLabels, small_model, train, weights
from lightning.pytorch.strategies import DDPStrategy, ModelParallelStrategy
from torch import Tensor

from multitask import MultiTask
from multitask.errors import InputError
from multitask.training import has_loss
from multitask.training.batch_norm import synchronize_batch_norm

PROCESSES = 2
# A task has labels on one of two processes, then on none, then on one again. Three batches make an
# epoch, after which some balancers change.
PLAIN: dict[str, Any] = {"steps": 4}
ACCUMULATED = {"accumulate_grad_batches": 2, "gradient_clip_val": 0.05, "steps": 2}
# It refuses double precision, which the model and the data have by themselves.
SHARDED = {**PLAIN, "precision": "32-true"}


@dataclass(frozen=True)
class Way:
    """A way to train.

    Args:
        strategy: makes one, which belongs to one Trainer.
        options: of the training.
    """

    strategy: Callable[[], Any]
    options: dict[str, Any]


ONE = {"DDP": Way(lambda: "auto", PLAIN), "accumulated": Way(lambda: "auto", ACCUMULATED)}
"""By column, what two processes are compared with; the others are compared with DDP's."""
TWO = {
    "DDP": Way(lambda: "ddp", PLAIN),
    "static": Way(lambda: DDPStrategy(static_graph=True), PLAIN),
    "FSDP2": Way(lambda: ModelParallelStrategy(PROCESSES, 1), SHARDED),
    # Two columns at once: each training takes long, and neither hides what the other breaks.
    "unused, accumulated": Way(lambda: "ddp_find_unused_parameters_true", ACCUMULATED),
}
"""By columns of the table."""
BY_HAND = "by hand"


def learn(ways: dict[str, Way], processes: int) -> dict[str, dict[str, Any]]:
    """Train in each of some ways, and by hand.

    Returns:
        By way and balancer, the weights, or why it was refused.
    """
    learnt: dict[str, dict[str, Any]] = {
        name: _learn(way, representatives(name), processes) for name, way in ways.items()
    }
    others = [case for case in CASES if case not in representatives()]
    learnt[BY_HAND] = {str(case): _learn_by_hand(case, processes) for case in others}
    return learnt


def _learn(way: Way, cases: list[Case], processes: int) -> dict[str, dict[str, Tensor] | str]:
    learnt: dict[str, dict[str, Tensor] | str] = {}
    for case in cases:
        model = _model(case)
        try:
            train(
                model,
                devices=processes,
                strategy=way.strategy(),
                all_tasks=case.needs_all,
                **way.options,
            )
            learnt[str(case)] = weights(model)
        except InputError as error:
            learnt[str(case)] = str(error)
    return learnt


def _learn_by_hand(case: Case, processes: int) -> dict[str, Tensor]:
    model, data = _model(case), FewLabels(torch.float64, case.needs_all)
    data.setup()
    for name, task in model.named_tasks.items():
        task.learn_statistics(name, data.targets("train")[name])
    if processes > 1:
        synchronize_batch_norm(model, on_gpu=False)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)
    # As with a Trainer, the second batch lacks labels that the first has.
    for rows in list(data.train_dataloader().sampler.global_batches(0))[:2]:
        own = rows.tensor_split(processes)[dist.get_rank() if processes > 1 else 0]
        batch = data.splits["train"][own]
        optimizer.zero_grad()
        losses, totals = model.losses(model(*model.inputs_of(batch)), batch)
        model.balancer(losses, has_loss(totals)).backward()
        _average_gradients(model, processes)
        model.balancer.after_backward()
        optimizer.step()
    return weights(model)


def _average_gradients(model: MultiTask, processes: int) -> None:
    """What a strategy does in the backward pass."""
    parameters = [each for each in model.parameters() if each.requires_grad]
    grads = [torch.zeros_like(each) if each.grad is None else each.grad for each in parameters]
    mean = torch.cat([each.flatten() for each in grads]) / processes
    if processes > 1:
        dist.all_reduce(mean)
    parts = mean.split([each.numel() for each in parameters])
    for parameter, part in zip(parameters, parts, strict=True):
        parameter.grad = part.view_as(parameter)


def _model(case: Case) -> MultiTask:
    return small_model(
        case.make(), None, torch.float64, case.sharing, case.training_pass(), case.teaches
    )


def learn_on_two(path: Path) -> None:
    """Write what one of two processes has learnt to a file."""
    learnt = learn(TWO, PROCESSES)
    if dist.get_rank() == 0:
        torch.save(learnt, path)
