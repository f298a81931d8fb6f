"""Trains with every balancer in several ways, on one process or on two."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist
from conformance.cases import CASES
from conformance.training import small_model, train, weights
from lightning.pytorch.strategies import DDPStrategy, ModelParallelStrategy
from torch import Tensor

from multitask.errors import InputError

PROCESSES = 2
# Three batches make an epoch, after which some balancers change.
PLAIN: dict[str, Any] = {"steps": 4}
ACCUMULATED = {"accumulate_grad_batches": 2, "gradient_clip_val": 0.05, "steps": 2}
# It refuses double precision, which the model and the data have by themselves.
SHARDED = {**PLAIN, "precision": "32-true"}
Ways = dict[str, tuple[Callable[[], Any], dict[str, Any]]]
ONE: Ways = {"plain": (lambda: "auto", PLAIN), "accumulated": (lambda: "auto", ACCUMULATED)}
TWO: Ways = {
    "DDP": (lambda: "ddp", PLAIN),
    "static": (lambda: DDPStrategy(static_graph=True), PLAIN),
    "FSDP2": (lambda: ModelParallelStrategy(PROCESSES, 1), SHARDED),
    # Two columns at once: each training takes long, and neither hides what the other breaks.
    "unused, accumulated": (lambda: "ddp_find_unused_parameters_true", ACCUMULATED),
}
"""By columns of the table, the strategy, which belongs to one Trainer, and options."""


def learn(ways: Ways, processes: int) -> dict[str, dict[str, Any]]:
    """Train in each of some ways with every balancer.

    Returns:
        By way and balancer, the weights, or why it was refused.
    """
    return {name: _learn(*way, processes) for name, way in ways.items()}


def _learn(strategy: Callable[[], Any], options: dict[str, Any], processes: int) -> dict[str, Any]:
    """Train with every balancer.

    Returns:
        By balancer, the weights, or why it was refused.
    """
    learnt: dict[str, dict[str, Tensor] | str] = {}
    for case in CASES:
        model = small_model(
            case.make(), None, torch.float64, case.sharing, case.training_pass(), case.teaches
        )
        try:
            train(
                model,
                devices=processes,
                strategy=strategy(),
                all_tasks=case.needs_all,
                **options,
            )
            learnt[str(case)] = weights(model)
        except InputError as error:
            learnt[str(case)] = str(error)
    return learnt


def learn_on_two(path: Path) -> None:
    """Write what one of two processes has learnt to a file."""
    learnt = learn(TWO, PROCESSES)
    if dist.get_rank() == 0:
        torch.save(learnt, path)
