"""Which samples may stand in a support set: none that is akin to a sample of the query set."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

Kinds = np.ndarray[Any, np.dtype[Any]]
"""What samples are, such as numbers of their images or of their groups; shape ``[samples]``."""


def apart(candidates: Sequence[Kinds], query: Sequence[Kinds]) -> Tensor:
    """Find the samples that have nothing in common with a query set.

    Args:
        candidates: of each sample that could be drawn, one array for each kind of kinship, such as
            the image (see `multitask.data.duplicates.input_hashes`) and the group.
        query: the same of the query set, in the same order.

    Returns:
        Which candidates share no value with the query set, shape ``[candidates]``, bool.
    """
    pairs = zip(candidates, query, strict=True)
    shared = [np.isin(one, other) for one, other in pairs]
    return torch.from_numpy(~np.any(shared, axis=0))


def first_of_each(values: Kinds) -> Tensor:
    """Find the first sample of each image, so that none is drawn twice.

    Args:
        values: a number for each sample, equal for equal images, shape ``[samples]``.

    Returns:
        Shape ``[samples]``, bool.
    """
    found = torch.zeros(len(values), dtype=torch.bool)
    _, places = np.unique(values, return_index=True)
    found[torch.from_numpy(places)] = True
    return found
