"""Two processes equal one across the steps at which parts of a model begin to learn."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from conformance.training import small_model, train
from distributed.forked_processes import assert_two_equal_one
from lightning.pytorch import Callback
from lightning.pytorch.strategies import DDPStrategy
from torch import Tensor
from torchjd.scalarization import UW

from multitask import MultiTask
from multitask.balancing import FixedWeights, GradientBalancer, Scalarized
from multitask.balancing.weightings import GradVac, PCGrad
from multitask.callbacks import Unfreezing, WeightAverage
from multitask.sharing import MMoE

PART_BY_PART = partial(Unfreezing, ["encoder"], {"encoder.last": 2, "encoder": 4})
STEPS = 5
"""In epochs of three batches."""


@dataclass
class Plan:
    """A training in which parts begin to learn.

    Args:
        make: makes the model.
        unfreezing: makes the callback.
        options: of the Trainer.
        strategy: makes the strategy of two processes.
        others: makes other callbacks.
    """

    make: Callable[[], MultiTask]
    unfreezing: Callable[[], Unfreezing] = PART_BY_PART
    options: dict[str, Any] = field(default_factory=dict)
    strategy: Callable[[], Any] = lambda: "ddp"
    others: Callable[[], list[Callback]] = list


PLANS = {
    "averaged": Plan(
        lambda: small_model(Scalarized(UW(3))), others=lambda: [WeightAverage(0.9, refresh=1)]
    ),
    "accumulated": Plan(
        lambda: small_model(FixedWeights()),
        lambda: Unfreezing(["encoder", "heads.size"], {"encoder": 2}),
        {"accumulate_grad_batches": 2, "gradient_clip_val": 0.05},
    ),
    "epochs": Plan(
        lambda: small_model(GradientBalancer(GradVac())),
        lambda: Unfreezing(["encoder"], {"encoder": 1}, unit="epochs"),
    ),
    "MMoE": Plan(
        lambda: small_model(GradientBalancer(PCGrad()), sharing=partial(MMoE, width=4)),
        lambda: Unfreezing(["encoder.encoder", "sharing"], {"sharing": 3}),
    ),
    "static graph": Plan(
        lambda: small_model(GradientBalancer(PCGrad(), level="shared", every=2)),
        strategy=lambda: DDPStrategy(static_graph=True),
    ),
}


def learn(processes: int) -> dict[str, dict[str, Tensor]]:
    """What each plan's training has learned, with the buffers that count."""
    learned = {}
    for name, plan in PLANS.items():
        model, callbacks = plan.make(), [*plan.others(), plan.unfreezing()]
        strategy = plan.strategy() if processes > 1 else "auto"
        options = {"devices": processes, "strategy": strategy, **plan.options}
        train(model, STEPS, callbacks=callbacks, **options)
        # Recent means are for a figure, and the first process's.
        buffers = [each for each in model.named_buffers() if ".recent_shares." not in each[0]]
        kept = [*model.named_parameters(), *buffers]
        learned[name] = {name: each.detach().double().clone() for name, each in kept}
    return learned


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_two_processes_equal_one(tmp_path: Path) -> None:
    assert_two_equal_one(learn, tmp_path, 1e-10)
