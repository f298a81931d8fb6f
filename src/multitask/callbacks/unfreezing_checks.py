"""Strategies, callbacks and balancers that unfreezing does not support."""

from __future__ import annotations

from math import inf
from typing import Any

from lightning.pytorch import Callback, Trainer
from lightning.pytorch.callbacks import StochasticWeightAveraging
from lightning.pytorch.strategies import DeepSpeedStrategy, FSDPStrategy, ModelParallelStrategy
from torch import nn

from multitask.callbacks.unfreezing_plan import UnfreezingPlan
from multitask.errors import InputError
from multitask.module import MultiTask


def check_trainer(trainer: Trainer, kind: type[Callback]) -> None:
    """Reject a strategy or other callbacks that a plan does not support.

    Args:
        trainer: the Trainer, before it trains.
        kind: class of the callback that has the plan.

    Raises:
        InputError: with what to use instead.
    """
    if isinstance(trainer.strategy, FSDPStrategy | ModelParallelStrategy | DeepSpeedStrategy):
        raise InputError(
            "Unfreezing changes what learns, which a sharding strategy fixes at the beginning; "
            "use the ddp strategy"
        )
    callbacks: list[Callback] = trainer.callbacks  # type: ignore[attr-defined]
    if sum(isinstance(each, kind) for each in callbacks) > 1:
        raise InputError("Unfreezing is given twice; list all parts in one of them")
    if any(isinstance(each, StochasticWeightAveraging) for each in callbacks):
        raise InputError(
            "StochasticWeightAveraging recomputes the statistics of frozen batch normalisation; "
            "use multitask.callbacks.WeightAverage with decay: null, which leaves them unchanged"
        )


def check_balancer(plan: UnfreezingPlan, model: MultiTask, unit: str) -> None:
    """Reject a gradient balancer that would find no gradients, or others than it has stored.

    Args:
        plan: the plan.
        model: the model.
        unit: unit that the plan counts, for the message.

    Raises:
        InputError: with what to change.
    """
    balancer: Any = model.balancer
    if not (balancer.weighs_gradients or balancer.looks_ahead):
        return
    kind = "weights the tasks' gradients in" if balancer.weighs_gradients else "looks at steps of"
    name, begins = type(balancer).__name__, plan.parameters(model)
    trunk = [begins[each] for each in model.encoder.parameters() if each.requires_grad]
    if trunk and min(trunk) == inf:
        raise InputError(
            f"Unfreezing: the balancer {name} {kind} the encoder, which stays frozen; remove the "
            "balancer, or list the encoder in until"
        )
    level = getattr(balancer, "level", None)
    if level is None or not level.is_shared:
        return
    compared: list[list[nn.Parameter]] = []
    for moment in plan.moments:
        if not trunk or min(trunk) > moment:
            continue
        compared.append([each for each in level.shared if begins[each] <= moment])
        if not compared[-1]:
            raise InputError(
                f"Unfreezing: the balancer {name} compares gradients of "
                f"'encoder.{level.parameters}', which is still frozen at {unit[:-1]} {moment:g}, "
                "when another part of the encoder learns; unfreeze it first"
            )
    traits = getattr(balancer, "traits", None)
    if traits is not None and traits.remembers_gradients and len(set(map(len, compared))) > 1:
        raise InputError(
            f"Unfreezing: {traits.name} remembers gradients of the parameters that it compares, so "
            "that no more can be added; let the whole encoder learn from one step on, or name "
            "one part in the balancer's parameters"
        )
