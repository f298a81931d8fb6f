"""The optimizer's parameters, in groups with equal settings."""

from __future__ import annotations

from typing import Any

from torch import nn

from multitask.balancing import Balancer
from multitask.training.rates import MULTIPLIER, NAME, Rates


def updated_elsewhere(balancer: Balancer) -> list[str]:
    """Names, in the model, of the parameters that its balancer updates instead of the optimizer."""
    return [f"balancer.{name}" for name in balancer.keeps_for_itself()]


def parameter_groups(
    model: nn.Module, balancer: Balancer, rates: Rates | None = None
) -> list[dict[str, Any]]:
    """Group the optimizer's parameters, including frozen ones, which may be trained later.

    Args:
        model: the model, including the balancer.
        balancer: its parameters get no weight decay, which would pull the weights towards each
            other; those that it updates itself are excluded.
        rates: the parts with a different learning rate; default: none.

    Returns:
        One group for each distinct combination of settings, since an optimizer processes groups one
        after the other. If rates differ, each group has a name and the multiplier of its rate.

    Raises:
        InputError: if the rates do not fit the model.
    """
    kept = balancer.keeps_for_itself()
    is_kept = {id(each): name in kept for name, each in balancer.named_parameters()}
    updated = {
        name: each for name, each in model.named_parameters() if not is_kept.get(id(each), False)
    }
    found = (rates or Rates()).of(model, updated)
    groups: dict[tuple[bool, float], dict[str, Any]] = {}
    for name, parameter in updated.items():
        multiplier, reason = found[name]
        is_balancers = id(parameter) in is_kept
        group = groups.setdefault((is_balancers, multiplier), {"params": [], "reasons": {}})
        group["params"].append(parameter)
        group["reasons"][reason or ("balancer" if is_balancers else "")] = None
    differ = any(multiplier != 1 for _, multiplier in groups)
    made = []
    for (is_balancers, multiplier), group in sorted(groups.items(), key=lambda each: each[0][0]):
        reasons = group.pop("reasons")
        exempt = {"weight_decay": 0.0} if is_balancers else {}
        name = "others" if multiplier == 1 and not is_balancers else "+".join(reasons)
        named = {NAME: name, MULTIPLIER: multiplier} if differ else {}
        made.append({**group, **exempt, **named})
    return made
