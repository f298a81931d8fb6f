"""Trains with balancers in several ways, on one process or on two."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist
from conformance.cases import CASES, Case, representatives
from conformance.training import small_model, train, weights
from lightning.pytorch.strategies import DDPStrategy, ModelParallelStrategy
from torch import Tensor

from multitask.errors import InputError

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
        is_for_all: whether every case is trained so, not only representatives.
    """

    strategy: Callable[[], Any]
    options: dict[str, Any]
    is_for_all: bool = False

    @property
    def cases(self) -> list[Case]:
        """What is trained so."""
        return CASES if self.is_for_all else representatives()


ONE = {
    "plain": Way(lambda: "auto", PLAIN, is_for_all=True),
    "accumulated": Way(lambda: "auto", ACCUMULATED),
}
TWO = {
    "DDP": Way(lambda: "ddp", PLAIN, is_for_all=True),
    "static": Way(lambda: DDPStrategy(static_graph=True), PLAIN),
    "FSDP2": Way(lambda: ModelParallelStrategy(PROCESSES, 1), SHARDED),
    # Two columns at once: each training takes long, and neither hides what the other breaks.
    "unused, accumulated": Way(lambda: "ddp_find_unused_parameters_true", ACCUMULATED),
}
"""By columns of the table."""


def learn(ways: dict[str, Way], processes: int) -> dict[str, dict[str, Any]]:
    """Train in each of some ways.

    Returns:
        By way and balancer, the weights, or why it was refused.
    """
    return {name: _learn(way, processes) for name, way in ways.items()}


def _learn(way: Way, processes: int) -> dict[str, dict[str, Tensor] | str]:
    learnt: dict[str, dict[str, Tensor] | str] = {}
    for case in way.cases:
        model = small_model(
            case.make(), None, torch.float64, case.sharing, case.training_pass(), case.teaches
        )
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


def learn_on_two(path: Path) -> None:
    """Write what one of two processes has learnt to a file."""
    learnt = learn(TWO, PROCESSES)
    if dist.get_rank() == 0:
        torch.save(learnt, path)
