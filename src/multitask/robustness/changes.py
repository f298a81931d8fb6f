"""Changes of images under which a model is evaluated: attacks and corruptions, each with a name."""

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
"""What the metrics of attacked and of corrupted images begin with, behind the split."""
Change = Attack | Corruption
Batch = Mapping[str, Tensor]


def change_name(change: Change) -> str:
    """Such as ``robust/inf-0.02`` or ``corrupted/blur-3``."""
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
        change: what is done to them.
        model: the model that is attacked.
        batch: the encoder's inputs and each task's targets, as the model takes them.
        places: of the samples in their split, shape ``[batch]``, int64.
        bounds: how the model's images follow from pixels.
        seed: of the random numbers.

    Returns:
        What takes the place of the batch's ``image``.
    """
    if isinstance(change, Corruption):
        pixels = change(bounds.pixels(batch["image"]), places, seed)
        return bounds.images(pixels).to(batch["image"].dtype)
    return change(model, dict(batch), places, seed, bounds)


def check_changes(changes: Sequence[Change], model: MultiTask, by: str) -> None:
    """Refuse changes that a model cannot be evaluated under.

    Args:
        changes: attacks and corruptions.
        model: the model.
        by: who wants them, for messages.

    Raises:
        InputError: if the model sees no image, an attack names a task that is not there, or the
            metrics of two changes, or of a change and a task, would have one name.
    """
    if "image" not in model.inputs:
        raise InputError(
            f"{by} changes images, and this model takes {listed(model.inputs)}; there is nothing "
            "that it could change"
        )
    names = [change_name(each) for each in changes]
    for name in names:
        if names.count(name) > 1:
            raise InputError(
                f"{by}: two attacks are called '{name.partition('/')[2]}' by their norm and eps, "
                "and so would be their metrics; leave one of them out"
            )
    for task in (ROBUST, CORRUPTED):
        if task in model.named_tasks:
            raise InputError(
                f"{by}: a task is called '{task}', as its metrics begin; rename the task"
            )
    for each in changes:
        if isinstance(each, Attack):
            each.weights(model)


def spread_places(samples: int | None, size: int) -> Tensor:
    """Choose evenly spaced samples, since neighbours may be alike.

    Args:
        samples: how many; all of them by default, or if there are fewer.
        size: of the split.

    Returns:
        Mask, shape ``[size]``, bool.
    """
    if samples is None or samples >= size:
        return torch.ones(size, dtype=torch.bool)
    chosen = torch.zeros(size, dtype=torch.bool)
    chosen[torch.arange(samples) * size // samples] = True
    return chosen
