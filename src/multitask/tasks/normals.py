"""The direction of the surface at each pixel."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor
from torch.nn.functional import normalize
from torchmetrics import MetricCollection

from multitask import missing_labels
from multitask.errors import SampleError
from multitask.heads import DenseHead
from multitask.tasks.base import MapHeadCallable
from multitask.tasks.dense_regression import DenseRegression
from multitask.tasks.median_angle import MedianAngle
from multitask.tasks.pixel_mean import PixelMean, PixelShare
from multitask.tasks.pixels import check_same_size
from multitask.tasks.pooling import NumberPool
from multitask.tasks.regression import Regression
from multitask.tasks.shown_maps import ShownMaps

if TYPE_CHECKING:
    from matplotlib.axes import Axes

NEAR = {"within_11": 11.25, "within_22": 22.5, "within_30": 30.0}
"""Metrics that are shares of pixels with an error below a number of degrees."""
SHORTEST = 1e-6
"""Smallest squared length; a vector of length 0 has no direction and no finite gradient."""


class Normals(DenseRegression):
    """Predict the surface normal at each pixel, a unit vector.

    Targets have shape ``[batch, 3, height, width]``, floating, NaN at missing pixels; x to the
    right, y down and z towards the viewer, or other axes. Their length does not matter. Raw outputs
    have the same shape and any length; predictions have length 1. The loss is 1 minus the cosine of
    the angle between the two, averaged over the known pixels of the global batch (Liu et al., 2019,
    1803.10704, except for the constant).

    Metrics, over all known pixels of the split: ``mean`` and ``median`` of the angles in degrees,
    and ``within_11``, ``within_22`` and ``within_30``, the shares of angles below 11.25, 22.5 and
    30 degrees.

    Args:
        head: see `DenseRegression`.
        weight: see `Task`.
        headline: see `Task`.
        counts: see `Task`.
        teaches: see `Task`.
    """

    headline = "within_22"

    def __init__(
        self,
        head: MapHeadCallable = DenseHead,
        weight: float = 1.0,
        headline: str | None = None,
        counts: bool = True,
        teaches: float = 1.0,
    ) -> None:
        super().__init__(
            3,
            scale="none",
            head=head,
            weight=weight,
            headline=headline,
            counts=counts,
            teaches=teaches,
        )

    def check(self, name: str, targets: Tensor, split: str) -> None:
        super().check(name, targets, split)
        without = (targets == 0).all(1)
        if without.any():
            sample = int(without.flatten(1).any(1).nonzero()[0])
            raise SampleError(
                name,
                sample,
                f"task '{name}': {split} sample {sample} has a vector of length 0, which has no "
                "direction; mark unknown vectors as missing (NaN)",
            )

    def known(self, target: Tensor) -> Tensor:
        return _known(target).flatten(1).any(1)

    def loss(self, output: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
        losses, known = self._of_pixels(output, target)
        return losses.sum(), known.sum().to(output.dtype)

    def sample_loss(self, output: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
        if type(self).loss is not Normals.loss:
            return super().sample_loss(output, target)
        losses, known = self._of_pixels(output, target)
        return losses.sum((1, 2)), known.sum((1, 2)).to(output.dtype)

    def _of_pixels(self, output: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
        """1 minus the cosine, 0 if the pixel is missing, and which are known: ``[batch, h, w]``."""
        check_same_size(output, target)
        known = _known(target)
        # Before any arithmetic, whose gradient would be NaN.
        goal = torch.where(known.unsqueeze(1), target, 1.0).to(output.dtype)
        return torch.where(known, 1 - _cosine(output, goal), 0.0), known

    def distance(self, output: Tensor, kept: Tensor, temperature: float) -> Tensor | None:
        """1 minus the cosine of the angle between the two."""
        if self.pool() is None:
            return None
        # A small constant is added to both, so that equal vectors of length 0 have distance 0.
        both = (output * kept).sum(1) + SHORTEST
        first, second = (each.square().sum(1) + SHORTEST for each in (output, kept))
        return (1 - both / (first * second).sqrt()).clamp_min(0).flatten(1).mean(1)

    def predict(self, output: Tensor) -> Tensor:
        return normalize(output.float(), dim=1)

    def trivial_output(self, output: Tensor) -> Tensor:
        """The mean of the training targets."""
        return self.trivial.to(output.dtype).view(1, 3, 1, 1).expand_as(output)

    def pool(self) -> DirectionPool | None:
        # The predictions of a subclass may not be directions.
        return DirectionPool(self) if type(self).predict is Normals.predict else None

    def metrics(self) -> MetricCollection:
        near = {name: PixelShare() for name in NEAR}
        found = {"mean": PixelMean(), "median": MedianAngle(), **near}
        return MetricCollection(found, compute_groups=False)  # type: ignore[arg-type]

    def update_metrics(self, metrics: MetricCollection, output: Tensor, target: Tensor) -> None:
        angles = self.angles(self.predict(output), target)[_known(target)]
        if len(angles):
            metrics["mean"].update(angles)
            metrics["median"].update(angles)
            for name, most in NEAR.items():
                metrics[name].update(angles < most)

    @staticmethod
    def angles(prediction: Tensor, target: Tensor) -> Tensor:
        """The angle between the two vectors at each pixel.

        Args:
            prediction: shape ``[batch, 3, height, width]``.
            target: same shape.

        Returns:
            Degrees, shape ``[batch, height, width]``, NaN if the target is missing, 90 if the
            prediction has no direction.
        """
        target = target.to(prediction.dtype)
        # Unlike the arc cosine, the arc tangent does not round small angles away.
        across = torch.linalg.cross(prediction, target, dim=1).norm(dim=1)
        angles = torch.atan2(across, (prediction * target).sum(1)).rad2deg()
        without = (prediction == 0).all(1) & angles.isfinite()
        return angles.masked_fill(without, 90.0)

    def _learnt(self, target: Tensor) -> Tensor:
        # A pixel with a missing number has no direction.
        return self._rows(target.masked_fill(~_known(target).unsqueeze(1), torch.nan))

    def shown_maps(self, prediction: Tensor, target: Tensor) -> ShownMaps:
        """Directions as colours: red rises with x, green falls with y, and blue rises with z."""
        error = self.angles(prediction, target)
        target, prediction = _colours(target), _colours(prediction)
        return ShownMaps(target, prediction, error, error_what="angle (degrees)")

    def draw(self, axes: Axes, prediction: Tensor, target: Tensor) -> bool:
        """Draw a histogram of the angles."""
        angles = self.angles(prediction.float(), target)
        axes.hist(angles[angles.isfinite()].cpu().numpy(), bins=90, range=(0, 180), density=True)
        axes.set(xlabel="angle to the target (degrees)", ylabel="share of the pixels per degree")
        return True


class DirectionPool(NumberPool):
    """Pools directions by the mean of the members' unit vectors.

    ``angle`` is the angle whose cosine is the length of the mean vector, in degrees, averaged over
    the pixels: 0 if all members agree.
    """

    def add(self, member: Regression, output: Tensor) -> None:
        self.take(member.predict(output))

    def disagreement(self) -> dict[str, Tensor]:
        length = self.output().norm(dim=1).clamp(0, 1)
        return {"angle": length.acos().rad2deg().flatten(1).mean(1)}


def _known(target: Tensor) -> Tensor:
    """The known pixels, ``[batch, height, width]``."""
    return missing_labels.known(target).all(1)


def _cosine(output: Tensor, goal: Tensor) -> Tensor:
    squares = output.square().sum(1) + SHORTEST
    return (output * goal).sum(1) / (squares * goal.square().sum(1)).sqrt()


def _colours(normals: Tensor) -> Tensor:
    sides = torch.tensor([0.5, -0.5, 0.5], device=normals.device).view(3, 1, 1)
    return normalize(normals.float(), dim=1) * sides + 0.5
