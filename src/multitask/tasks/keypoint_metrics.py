"""Distances of predicted points from true ones, averaged over points or samples."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from multitask.tasks.sample_means import SampleMean


def distances(prediction: Tensor, target: Tensor) -> Tensor:
    """Distance of each predicted point from its target.

    Args:
        prediction: x and y side by side, shape ``[batch, 2 * points]``.
        target: the same shape, NaN where missing.

    Returns:
        Shape ``[batch, points]``; NaN unless both x and y are known.
    """
    return (prediction - target).unflatten(1, (-1, 2)).square().sum(2).sqrt()


def bounds(target: Tensor) -> Tensor:
    """Width and height of the box around each sample's known points.

    Args:
        target: see `distances`.

    Returns:
        Shape ``[batch, 2]``; 0 with fewer than two known points.
    """
    points = target.unflatten(1, (-1, 2))
    known = points.isfinite().all(2, keepdim=True)
    low = points.where(known, torch.inf).amin(1)
    high = points.where(known, -torch.inf).amax(1)
    return (high - low).clamp_min(0).where(known.any(1), 0)


class PointMean(SampleMean):
    """The mean distance of points, in pixels or relative to the object's size."""

    higher_is_better = False

    def update(self, distance: Tensor, known: Tensor) -> None:
        """Update with distances, and a mask of those of known points; both of any shape."""
        self.total += torch.where(known, self.each(distance), 0).sum()
        self.count += known.sum()

    def each(self, distance: Tensor) -> Tensor:
        """The contribution of each point; the shape of the distances."""
        return distance


class PointShare(PointMean):
    """The share of points whose distance is at most a threshold: PCK (Yang and Ramanan).

    Args:
        threshold: in the unit of the distances.
    """

    higher_is_better = True

    def __init__(self, threshold: float) -> None:
        super().__init__()
        self.threshold = threshold

    def each(self, distance: Tensor) -> Tensor:
        return (distance <= self.threshold).float()


class ObjectKeypointSimilarity(SampleMean):
    """COCO's object keypoint similarity, from 0 to 1 (all correct), averaged over samples.

    For a sample, it is the mean over its known points of ``exp(-d² / (2 area (2 sigma)²))``, as
    computed by pycocotools.

    Args:
        sigmas: precision of human annotation for each point, as a share of the root of the area.
    """

    higher_is_better = True
    spread: Tensor

    def __init__(self, sigmas: Sequence[float]) -> None:
        super().__init__()
        self.register_buffer("spread", 2 * torch.tensor(list(sigmas)), persistent=False)

    def update(self, distance: Tensor, known: Tensor, area: Tensor) -> None:
        """Update with samples that have a known point and an area.

        Args:
            distance: in pixels, shape ``[batch, points]``.
            known: mask of the known points, same shape.
            area: area of the object, in square pixels, shape ``[batch]``; 0 if it has none.
        """
        counted = known.any(1) & (area > 0)
        exponent = distance.square() / (2 * area.unsqueeze(1) * self.spread.square())
        similarity = torch.where(known, (-exponent).exp(), 0).sum(1) / known.sum(1)
        self.total += torch.where(counted, similarity, 0).sum()
        self.count += counted.sum()
