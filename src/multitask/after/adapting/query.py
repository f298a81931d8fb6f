"""The query set: labelled samples that the run has not seen."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from multitask.after.adapting.kin import Numbers
from multitask.after.adapting.new_task import NewTask
from multitask.after.trained_model import TrainedModel
from multitask.errors import InputError

SEED = 0
"""Seed for choosing among too many samples, the same for all runs."""
SPLITS = {"test": "test", "val": "validation"}
"""Splits in order of preference, with their names in sentences."""


def chosen_query(
    trained: TrainedModel,
    new: NewTask,
    split: str,
    labelled: Tensor,
    images: Numbers,
    most: int | None,
) -> tuple[Tensor, list[str]]:
    """Choose the query set.

    Args:
        trained: the run's model.
        new: the task and its data.
        split: split of the data.
        labelled: whether each sample has a label, shape ``[samples]``, bool.
        images: numbers of their images.
        most: number of samples to choose; None for all.

    Returns:
        Indices in the split, ascending, and remarks for the user, in sentences.

    Raises:
        InputError: if no sample is left.
    """
    seen = _seen(trained, images)
    left = (labelled & ~seen).nonzero().flatten()
    words, kind = SPLITS[split], type(new.data).__name__
    if not labelled.any():
        raise InputError(f"adapt: no sample of the {words} set has a label of '{new.name}'")
    if not len(left):
        raise InputError(
            f"adapt: the run was trained on all labelled samples of the {words} set; give other "
            "data to test on"
        )
    places = left
    if most is not None and most < len(left):
        generator = torch.Generator().manual_seed(SEED)
        places = left[torch.randperm(len(left), generator=generator)[:most].sort().values]
    total = int(labelled.sum())
    of = f"all {total:,}" if len(places) == total else f"{len(places):,} of the {total:,}"
    told = [f"Query set: {of} labelled samples of the {words} set of {kind}, the same for all."]
    if trained.training_images is None:
        told.append(
            "It is not known whether the run was trained on samples of the query set, because its "
            "checkpoint does not record it."
        )
    elif len(left) < total:
        told.append(
            f"{total - len(left):,} labelled samples of the {words} set were trained on by the "
            "run, and are not in the query set."
        )
    return places, told


def told_of_seen(trained: TrainedModel, images: Numbers) -> list[str]:
    """Report how many images available for support sets the run was trained on, if any.

    Args:
        trained: the run's model.
        images: numbers of these images.
    """
    number = int(_seen(trained, images).sum())
    if not number:
        return []
    of = f"{number:,} of the {len(images):,} samples"
    return [f"The run was trained on the inputs of {of} that support sets are drawn from."]


def _seen(trained: TrainedModel, images: Numbers) -> Tensor:
    known = trained.training_images
    if known is None:
        return torch.zeros(len(images), dtype=torch.bool)
    return torch.from_numpy(np.isin(images.view(np.int64), known.cpu().numpy()))
