"""A few optimizer steps on a support set."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from multitask.errors import InputError
from multitask.tasks import Task
from multitask.tasks.output import Output

BATCH = 64
"""Number of samples in a step, for larger support sets."""
WEIGHT_DECAY = 0.01


def check_steps(owner: str, steps: int, learning_rate: float) -> None:
    """Reject invalid settings of `fit`.

    Args:
        owner: class with the settings, for the message.
        steps: see `fit`.
        learning_rate: see `fit`.

    Raises:
        InputError: names the setting.
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
    """Take AdamW steps on a task's mean loss over the known targets of a support set.

    Each step uses the whole support set, or 64 random samples if it is larger. The optimizer is
    created for this fit, so that fits do not affect each other.

    Args:
        outputs: computes raw outputs of the samples with the given indices, ``[batch]`` int64.
        target: targets of all samples.
        task: defines the loss.
        learning: module whose parameters are fitted.
        steps: number of steps.
        learning_rate: learning rate of AdamW.
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
        # A batch with zero weight, such as of classes with weight 0, has no loss.
        (total / weight.clamp_min(torch.finfo(weight.dtype).tiny)).backward()
        optimizer.step()


def rows(representation: Any, places: Tensor) -> Any:
    """Select samples of a representation of any form.

    Args:
        representation: output of an encoder.
        places: indices of the samples, shape ``[batch]``, int64.
    """
    if isinstance(representation, Tensor):
        return representation[places]
    return [rows(each, places) for each in representation]
