"""A few steps of an optimizer on a support set."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from multitask.errors import InputError
from multitask.tasks import Task
from multitask.tasks.output import Output

BATCH = 64
"""Samples of a step, of larger support sets."""
WEIGHT_DECAY = 0.01


def check_steps(owner: str, steps: int, learning_rate: float) -> None:
    """Refuse settings of `fit` that cannot be.

    Args:
        owner: whose they are, for the message.
        steps: see `fit`.
        learning_rate: see `fit`.

    Raises:
        InputError: naming the setting.
    """
    if steps < 0:
        raise InputError(f"{owner}: steps is {steps}; give 0 or more")
    if not 0 < learning_rate < float("inf"):
        raise InputError(f"{owner}: learning_rate is {learning_rate}; give a number above 0")


def fit(
    outputs: Callable[[Tensor], Output],
    target: Tensor,
    task: Task,
    learning: nn.Module,
    steps: int,
    learning_rate: float,
) -> None:
    """Take steps of AdamW on a task's mean loss over the known targets of a support set.

    Each step sees the whole support set, or 64 of its samples if it is larger, drawn anew each
    time. The optimizer is made for this fit, so that nothing is remembered from another one.

    Args:
        outputs: computes raw outputs of the samples at some places, ``[batch]`` int64.
        target: targets of all samples.
        task: gives the loss.
        learning: whose parameters are fitted.
        steps: their number.
        learning_rate: of AdamW.
    """
    parameters = [each for each in learning.parameters() if each.requires_grad]
    if not parameters:
        return
    optimizer = torch.optim.AdamW(parameters, lr=learning_rate, weight_decay=WEIGHT_DECAY)
    for _ in range(steps):
        places = torch.arange(len(target))
        if len(target) > BATCH:
            places = torch.randperm(len(target))[:BATCH]
        total, weight = task.loss(outputs(places), target[places])
        optimizer.zero_grad()
        # A batch without a weight, such as of classes that weigh 0, teaches nothing.
        (total / weight.clamp_min(torch.finfo(weight.dtype).tiny)).backward()
        optimizer.step()


def rows(representation: Any, places: Tensor) -> Any:
    """Some samples of a representation of any form.

    Args:
        representation: what an encoder returned.
        places: of the samples, shape ``[batch]``, int64.
    """
    if isinstance(representation, Tensor):
        return representation[places]
    return [rows(each, places) for each in representation]
