"""The distance of each pixel from the camera."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torchmetrics import MetricCollection

from multitask import missing_labels
from multitask.errors import InputError, SampleError
from multitask.heads import DenseHead
from multitask.tasks.base import MapHeadCallable
from multitask.tasks.dense_regression import DenseRegression
from multitask.tasks.pixel_mean import PixelMean, PixelShare
from multitask.tasks.pixels import check_same_size
from multitask.tasks.pooling import NumberPool
from multitask.tasks.regression import Scale

FACTOR = 1.25
"""Factor of the true depth within which ``delta1`` counts a pixel as correct."""


class Depth(DenseRegression):
    """Predict a depth for each pixel.

    Targets have shape ``[batch, height, width]`` or ``[batch, 1, height, width]``, floating,
    greater than 0, NaN at missing pixels; raw outputs and predictions have shape ``[batch, 1,
    height, width]``. A disparity or an inverse depth works too.

    The loss is the absolute error, averaged over the known pixels of the global batch, unless
    ``loss`` or ``scale_invariant`` selects another.

    Metrics, over all known pixels of the split: ``mae`` (absolute error), ``rel`` (absolute error
    divided by the true depth), ``rmse``, ``delta1``, ``delta2`` and ``delta3`` (share of the pixels
    whose prediction is within a factor of 1.25, 1.25^2 or 1.25^3 of the true depth; Eigen et al.,
    2014, 1406.2283, section 4.2), and ``r2``.

    Args:
        unit: see `Regression`.
        log: whether the head learns the logarithm of the depth, so that far pixels do not outweigh
            near ones and predictions are greater than 0.
        scale_invariant: how much the loss ignores an error that all pixels of an image share, such
            as a wrong scale, from 0 to 1. The loss of an image is ``mean(d^2) - scale_invariant *
            mean(d)^2`` over its known pixels, with the errors d of the standardised logarithms
            (Eigen et al., 2014, equation 4, which uses 0.5). Every image with a known pixel has the
            same weight. Requires ``log``, and no ``loss``.
        scale: see `Regression`.
        loss: see `Regression`; default: ``torch.nn.L1Loss``, if ``scale_invariant`` is not given.
        head: see `DenseRegression`.
        weight: see `Task`.
        headline: see `Task`.
        counts: see `Task`.
        teaches: see `Task`.

    Raises:
        InputError: if ``scale_invariant`` is not from 0 to 1, or is given with another loss or
            without the logarithm.
    """

    def __init__(
        self,
        unit: str = "m",
        log: bool = False,
        scale_invariant: float | None = None,
        scale: Scale = "element",
        loss: nn.Module | None = None,
        head: MapHeadCallable = DenseHead,
        weight: float = 1.0,
        headline: str | None = None,
        counts: bool = True,
        teaches: float = 1.0,
    ) -> None:
        criterion = loss or nn.L1Loss()
        super().__init__(
            1, unit, scale, criterion, head, weight, headline, counts=counts, teaches=teaches
        )
        if scale_invariant is not None and not 0 <= scale_invariant <= 1:
            raise InputError(f"scale_invariant is {scale_invariant}; it must be from 0 to 1")
        if scale_invariant is not None and not log:
            raise InputError(
                f"scale_invariant is {scale_invariant}, which applies to errors of the logarithm; "
                "set log to true"
            )
        if scale_invariant is not None and loss is not None:
            raise InputError(
                f"scale_invariant and the loss {type(loss).__name__} both define the objective; "
                "remove one of them"
            )
        self.log, self.scale_invariant = log, scale_invariant

    def check(self, name: str, targets: Tensor, split: str) -> None:
        super().check(name, targets, split)
        wrong = targets <= 0
        if wrong.any():
            sample = int(wrong.flatten(1).any(1).nonzero()[0])
            depth = float(targets[sample][wrong[sample]][0])
            raise SampleError(
                name,
                sample,
                f"task '{name}': {split} sample {sample} has a depth of {depth:.4g}; depths must "
                "be greater than 0, so mark unknown ones as missing (NaN)",
            )

    def loss(self, output: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
        if self.scale_invariant is None:
            return super().loss(output, target)
        losses, counts = self._of_images(output, target)
        return losses.sum(), counts.sum()

    def sample_loss(self, output: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
        if self.scale_invariant is None or type(self).loss is not Depth.loss:
            return super().sample_loss(output, target)
        return self._of_images(output, target)

    def _of_images(self, output: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
        """The scale-invariant loss of each image, and 1 if it has a known pixel, else 0."""
        assert self.scale_invariant is not None
        check_same_size(output, target)
        flat = output.flatten(1)
        goal, known = (each.view_as(flat) for each in self._goal(target))
        error = torch.where(known, flat - goal.to(output.dtype), 0.0)
        count = known.sum(1, keepdim=True)
        mean = error.sum(1, keepdim=True) / count.clamp_min(1)
        # As a sum of squares, which rounding cannot make negative.
        parts = torch.where(known, error - mean, 0.0).square(), error.square()
        share = self.scale_invariant
        losses = (share * parts[0] + (1 - share) * parts[1]).sum(1, keepdim=True)
        losses = (losses / count.clamp_min(1)).squeeze(1)
        return losses, (count > 0).squeeze(1).to(output.dtype)

    def predict(self, output: Tensor) -> Tensor:
        prediction = super().predict(output)
        return prediction.exp() if self.log else prediction

    def pool(self) -> NumberPool | None:
        # The predictions of a subclass may not be standardised.
        if type(self).predict is not Depth.predict:
            return None
        return LogPool(self) if self.log else NumberPool(self)

    @property
    def centre(self) -> Tensor:
        return self.trivial.exp() if self.log else self.trivial

    def metrics(self) -> MetricCollection:
        found = super().metrics()
        found.add_metrics(
            {
                "rel": PixelMean(),
                "delta1": PixelShare(),
                "delta2": PixelShare(),
                "delta3": PixelShare(),
            }
        )
        return found

    def count_in(self, metrics: MetricCollection, prediction: Tensor, target: Tensor) -> None:
        super().count_in(metrics, prediction, target)
        rows = self._rows(target)
        known = missing_labels.known(rows)
        if known.any():
            found, true = prediction[known], rows[known]
            metrics["rel"].update((found - true).abs() / true)
            # A depth of 0 or less is infinitely far off.
            factor = torch.where(found > 0, torch.maximum(found / true, true / found), torch.inf)
            for power in (1, 2, 3):
                metrics[f"delta{power}"].update(factor < FACTOR**power)

    def _learnt(self, target: Tensor) -> Tensor:
        rows = self._rows(target)
        return rows.log() if self.log else rows


class LogPool(NumberPool):
    """Pools depths whose logarithms are learnt: the mean of the logarithms.

    ``log_deviation`` is the standard deviation of the logarithms: the root mean square over the
    pixels. A value of 0.1 is a difference of about a tenth.
    """

    def disagreement(self) -> dict[str, Tensor]:
        return {f"log_{name}": each for name, each in super().disagreement().items()}
