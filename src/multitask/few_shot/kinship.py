"""Samples allowed in a support set: those that are not related to the query set."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

Kinds = np.ndarray[Any, np.dtype[Any]]
"""Properties of samples, such as hashes of images or numbers of groups; shape ``[samples]``."""


def apart(candidates: Sequence[Kinds], query: Sequence[Kinds]) -> Tensor:
    """Find the samples that share no property with a query set.

    Args:
        candidates: one array for each property of the samples to draw from, such as the image (see
            `multitask.data.duplicates.input_hashes`) and the group.
        query: the same for the query set, in the same order.

    Returns:
        Mask of the candidates that share no value with the query set, shape ``[candidates]``, bool.
    """
    pairs = zip(candidates, query, strict=True)
    shared = [np.isin(one, other) for one, other in pairs]
    return torch.from_numpy(~np.any(shared, axis=0))


def first_of_each(values: Kinds) -> Tensor:
    """Find the first sample of each image, so that no image is drawn twice.

    Args:
        values: a number for each sample, equal for equal images, shape ``[samples]``.

    Returns:
        Shape ``[samples]``, bool.
    """
    found = torch.zeros(len(values), dtype=torch.bool)
    _, places = np.unique(values, return_index=True)
    found[torch.from_numpy(places)] = True
    return found
