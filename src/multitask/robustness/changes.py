"""Named changes of images for evaluating a model: attacks and corruptions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from multitask.errors import InputError
from multitask.pages.words import listed
from multitask.robustness.attack import Attack
from multitask.robustness.corruptions import Corruption
from multitask.robustness.pixel_bounds import PixelBounds

if TYPE_CHECKING:
    from multitask.module import MultiTask

ROBUST, CORRUPTED = "robust", "corrupted"
"""Prefixes of the metrics of attacked and of corrupted images, after the split."""
Change = Attack | Corruption
Batch = Mapping[str, Tensor]


def change_name(change: Change) -> str:
    """The name of a change, such as ``robust/inf-0.02`` or ``corrupted/blur-3``."""
    if isinstance(change, Corruption):
        return f"{CORRUPTED}/{change.name}"
    return f"{ROBUST}/{change.name}"


def changed_images(
    change: Change,
    model: MultiTask,
    batch: Batch,
    places: Tensor,
    bounds: PixelBounds,
    seed: int = 0,
) -> Tensor:
    """Attack or corrupt the images of a batch.

    Args:
        change: the attack or corruption.
        model: the model to attack.
        batch: the encoder's inputs and each task's targets, as the model receives them.
        places: indices of the samples in their split, shape ``[batch]``, int64.
        bounds: range of pixels in the model's images.
        seed: seed of the random numbers.

    Returns:
        Images that replace the batch's ``image``.
    """
    if isinstance(change, Corruption):
        pixels = change(bounds.pixels(batch["image"]), places, seed)
        return bounds.images(pixels).to(batch["image"].dtype)
    return change(model, dict(batch), places, seed, bounds)


def check_changes(changes: Sequence[Change], model: MultiTask, by: str) -> None:
    """Reject changes that a model cannot be evaluated with.

    Args:
        changes: attacks and corruptions.
        model: the model.
        by: name of the caller, for messages.

    Raises:
        InputError: if the model has no image input, an attack names a missing task, or the metrics
            of two changes, or of a change and a task, would have the same name.
    """
    if "image" not in model.inputs:
        raise InputError(
            f"{by} changes images, but this model accepts {listed(model.inputs)}; there is nothing "
            "to change"
        )
    names = [change_name(each) for each in changes]
    for name in names:
        if names.count(name) > 1:
            raise InputError(
                f"{by}: two attacks are called '{name.partition('/')[2]}' after their norm and "
                "eps, and so would be their metrics; remove one of them"
            )
    for task in (ROBUST, CORRUPTED):
        if task in model.named_tasks:
            raise InputError(
                f"{by}: a task is called '{task}', with which its metrics' names begin; rename the "
                "task"
            )
    for each in changes:
        if isinstance(each, Attack):
            each.weights(model)


def spread_places(samples: int | None, size: int) -> Tensor:
    """Select evenly spaced samples, since neighbours may be similar.

    Args:
        samples: number of samples; all of them by default, or if there are fewer.
        size: size of the split.

    Returns:
        Mask, shape ``[size]``, bool.
    """
    if samples is None or samples >= size:
        return torch.ones(size, dtype=torch.bool)
    chosen = torch.zeros(size, dtype=torch.bool)
    chosen[torch.arange(samples) * size // samples] = True
    return chosen
