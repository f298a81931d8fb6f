"""What an optimizer updates, in groups of equal settings."""

from __future__ import annotations

from typing import Any

from torch import nn

from multitask.balancing import Balancer
from multitask.training.rates import MULTIPLIER, NAME, Rates


def updated_elsewhere(balancer: Balancer) -> list[str]:
    """Names, in the model, of the parameters that its balancer updates, not its optimizer."""
    return [f"balancer.{name}" for name in balancer.keeps_for_itself()]


def parameter_groups(
    model: nn.Module, balancer: Balancer, rates: Rates | None = None
) -> list[dict[str, Any]]:
    """Group what an optimizer updates, frozen or not: what is frozen now may learn later.

    Args:
        model: the model, the balancer included.
        balancer: its parameters get no weight decay, which would pull the weights to each other;
            those that it updates itself are left out.
        rates: which parts learn faster or slower; default: none.

    Returns:
        As few groups as there are different settings, since an optimizer works through one after
        the other. Where rates differ each has a name and the multiplier of its rate.

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
