"""Points in the image, by their coordinates."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from torchmetrics import MetricCollection

from multitask import missing_labels
from multitask.errors import InputError, nearest
from multitask.tasks.base import HeadCallable
from multitask.tasks.keypoint_metrics import (
    ObjectKeypointSimilarity,
    PointMean,
    PointShare,
    bounds,
    distances,
)
from multitask.tasks.r2 import R2
from multitask.tasks.regression import Regression, Scale

if TYPE_CHECKING:
    from multitask.tasks.marks import Marks

BOX_TO_AREA = 0.53
"""Area of a person over the area of its box, by which COCO's users replace missing masks."""


class Keypoints(Regression):
    """Predict the coordinates of points.

    Targets have shape ``[batch, 2 * points]``, floating: x and y of the first point, of the second,
    and so on, in pixels to the right of and below the image's top left corner, NaN where missing.
    Loss and standardisation are those of `Regression`; predictions have the targets' form. A point
    outside the image is learnt like any other. `multitask.geometry.Positions` moves points with
    their images; if some belong to a left and a right side, use `multitask.geometry.Landmarks`,
    which swaps them in mirrored images.

    Metrics: ``r2`` as in `Regression`, over all coordinates together. Over the points with both x
    and y known: ``distance``, the mean in pixels; ``nme``, the mean distance relative to the size
    of the object; ``pck_10`` and ``pck_20``, the shares of points within 0.1 and 0.2 of that size
    (Yang and Ramanan, 2013, "Articulated Human Detection with Flexible Mixtures of Parts", section
    6.2); and ``oks``, COCO's similarity, if ``sigmas`` are given. Metrics relative to a size skip
    samples whose size is 0 or unknown.

    Args:
        points: names of the points, or their number.
        reference: the size of the object. Default: the diagonal of the box around the sample's
            known points. A number: a size in pixels, such as the image's side. Two names of points:
            the distance between them, such as that of the eyes.
        sigmas: for ``oks``, precision of human annotation for each point, as a share of the root of
            the object's area; COCO's range from 0.025 (eyes) to 0.107 (hips).
        area: for ``oks``, area of the object in square pixels; default: 0.53 of the area of the box
            around the sample's known points.
        scale: see `Regression`; ``common`` by default, so that x and y have the same scale.
        loss: see `Regression`.
        head: see `Task`.
        weight: see `Task`.
        headline: see `Task`.
        counts: see `Task`.
        teaches: see `Task`.

    Raises:
        InputError: if names are not distinct, or a setting does not fit the points.
    """

    def __init__(
        self,
        points: int | Sequence[str],
        reference: float | Sequence[str] | None = None,
        sigmas: Sequence[float] | None = None,
        area: float | None = None,
        scale: Scale = "common",
        loss: nn.Module | None = None,
        head: HeadCallable = nn.Linear,
        weight: float = 1.0,
        headline: str | None = None,
        counts: bool = True,
        teaches: float = 1.0,
    ) -> None:
        names = _names(points)
        own = [f"{point}.{axis}" for point in names for axis in "xy"]
        super().__init__(len(own), "px", scale, loss, head, weight, headline, counts, teaches)
        self.points, self.own_elements, self.elements = names, own, own
        self.reference = _checked_reference(reference, self.points)
        if reference is None and len(names) == 1:
            raise InputError(
                "the box around a single point has no diagonal; set reference to a length in "
                "pixels such as the side of the image"
            )
        self.sigmas, self.area = sigmas and list(sigmas), area
        if sigmas is not None and not (
            len(sigmas) == len(self.points) and all(0 < each < math.inf for each in sigmas)
        ):
            raise InputError(
                f"sigmas is {list(sigmas)}; give a number above 0 for each of the "
                f"{len(self.points)} points"
            )
        if area is not None and sigmas is None:
            raise InputError(
                "area is only used by oks, which needs sigmas; set them, or remove area"
            )
        if area is not None and not 0 < area < math.inf:
            raise InputError(f"area is {area}; give square pixels, above 0")

    def check(self, name: str, targets: Tensor, split: str) -> None:
        if targets.is_floating_point() and targets[0].numel() != self.size:
            raise InputError(
                f"task '{name}': its {split} targets have {targets[0].numel()} numbers, but "
                f"{len(self.points)} point{'s' * (len(self.points) > 1)} have {self.size}, x and y "
                "of each; change points or the data"
            )
        super().check(name, targets, split)

    def metrics(self) -> MetricCollection:
        return MetricCollection(
            {
                "r2": R2(self.size, weighted=True),
                "pck_10": PointShare(0.1),
                "pck_20": PointShare(0.2),
                "nme": PointMean(),
                "distance": PointMean(),
                **({"oks": ObjectKeypointSimilarity(self.sigmas)} if self.sigmas else {}),
                **self.interval_metrics(),
            },
            compute_groups=False,
        )

    def count_in(self, metrics: MetricCollection, prediction: Tensor, target: Tensor) -> None:
        target = self._rows(target).float()
        distance, size = distances(prediction.float(), target), self.object_size(target)
        known = missing_labels.known(target).unflatten(1, (-1, 2)).all(2)
        counted = known & (size > 0).unsqueeze(1)
        relative = distance / size.unsqueeze(1)
        for name in ("pck_10", "pck_20", "nme"):
            # An evaluation may keep only the headline.
            if name in metrics:
                metrics[name].update(relative, counted)
        if "distance" in metrics:
            metrics["distance"].update(distance, known)
        if "r2" in metrics:
            # Around the training mean, so that single precision is enough for units with a large
            # offset.
            metrics["r2"].update(prediction - self.trivial, target - self.trivial)
        if "oks" in metrics:
            metrics["oks"].update(distance, known, self._area(target))

    def object_size(self, target: Tensor) -> Tensor:
        """The object size that metrics are relative to, see ``reference``.

        Args:
            target: shape ``[batch, 2 * points]``, NaN where missing.

        Returns:
            Pixels, shape ``[batch]``; 0 or NaN if it is not known.
        """
        if self.reference is None:
            return bounds(target).square().sum(1).sqrt()
        if isinstance(self.reference, float):
            return torch.full_like(target[:, 0], self.reference)
        first, second = (2 * self.points.index(each) for each in self.reference)
        return (
            (target[:, first : first + 2] - target[:, second : second + 2]).square().sum(1).sqrt()
        )

    def mark(self, marks: Marks, target: Any, prediction: Any) -> bool:
        marks.points(target, is_target=True)
        if prediction is not None:
            marks.points(prediction, is_target=False)
        return True

    def _area(self, target: Tensor) -> Tensor:
        if self.area is None:
            return BOX_TO_AREA * bounds(target).prod(1)
        return torch.full_like(target[:, 0], self.area)


def _names(points: int | Sequence[str]) -> list[str]:
    if isinstance(points, int):
        if points < 1:
            raise InputError(f"points is {points}; give at least 1 point")
        return list(map(str, range(points)))
    names = list(points)
    if isinstance(points, str) or not names or not all(isinstance(each, str) for each in names):
        raise InputError(f"points is {points!r:.60}; give a list of names, or a number of points")
    if not all(names):
        raise InputError("points has an empty name; name each point")
    if twice := [each for each in names if names.count(each) > 1]:
        raise InputError(f"points lists '{twice[0]}' more than once")
    return names


def _checked_reference(
    reference: float | Sequence[str] | None, points: Sequence[str]
) -> float | list[str] | None:
    if reference is None:
        return None
    if isinstance(reference, int | float):
        if not 0 < reference < math.inf:
            raise InputError(f"reference is {reference}; give a length in pixels, above 0")
        return float(reference)
    names = list(reference)
    if isinstance(reference, str) or len(set(names)) != 2 or len(names) != 2:
        raise InputError(
            f"reference is {reference!r:.60}; give a length in pixels, or the names of two points"
        )
    for each in names:
        if each not in points:
            raise InputError(f"reference: there is no point '{each}'{nearest(str(each), points)}")
    return names
