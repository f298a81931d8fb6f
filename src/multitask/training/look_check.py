"""Checks that a balancer can look ahead in training."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from multitask.errors import InputError
from multitask.training.data_check import unlabelled

if TYPE_CHECKING:
    from multitask.module import MultiTask


def check_looks(model: MultiTask, data: Any) -> None:
    """Reject a model or data with which its balancer cannot look ahead.

    Args:
        model: the model.
        data: a `multitask.data.DataModule`.

    Raises:
        InputError: says what to change.
    """
    balancer = model.balancer
    if not balancer.looks_ahead:
        return
    name = type(balancer).__name__
    if not model.training_pass.is_plain:
        raise InputError(
            f"{name} tries plain steps, but the training pass {type(model.training_pass).__name__} "
            "changes what a step learns from; remove one of the two"
        )
    if not any(each.requires_grad for each in model.encoder.parameters()):
        raise InputError(
            f"{name} checks whether tasks help each other, but the encoder is frozen, so none "
            "can; remove the balancer, or let a part of the encoder learn"
        )
    for split, tasks in balancer.needs_labels().items():
        for task in tasks:
            if not model.named_tasks[task].weight:
                raise InputError(
                    f"{name}: the primary task '{task}' has weight 0, so its loss is always "
                    "0; give it a weight, or remove it from primary"
                )
        try:
            data.held_out_batch(split, 0, tuple(tasks))
        except InputError as error:
            raise InputError(f"{name}: {error}") from error
        without = unlabelled({task: model.named_tasks[task] for task in tasks}, data, split)
        if without:
            raise InputError(
                f"{name}: no sample of the {split} set has a label for the primary task "
                f"'{without[0]}'; add some, or remove the task from primary"
            )
