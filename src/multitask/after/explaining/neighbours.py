"""The training images that a model represents as most similar to new ones."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor
from torch.nn import functional


@dataclass(frozen=True)
class Neighbours:
    """The nearest training images of each image.

    Args:
        places: indices of the training images, the nearest first, ``[images, nearest]``.
        cosines: cosines of the representations, from -1 to 1, of the same shape.
    """

    places: Tensor
    cosines: Tensor


def nearest_images(new: Tensor, known: Tensor, count: int) -> Neighbours:
    """Find the nearest representations by cosine similarity.

    Args:
        new: representations, ``[images, features]``.
        known: representations of training images, ``[training images, features]``.
        count: number of nearest images, at most as many as there are.
    """
    pairs = functional.normalize(new, dim=1) @ functional.normalize(known, dim=1).T
    cosines, places = pairs.topk(min(count, len(known)), 1)
    return Neighbours(places, cosines)
