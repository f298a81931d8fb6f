"""A count of something, or counts of several things."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torchmetrics import MeanAbsoluteError, MeanSquaredError, MetricCollection

from multitask import missing_labels
from multitask.errors import SampleError
from multitask.tasks.base import HeadCallable
from multitask.tasks.bounded_logarithm import bounded, unbounded
from multitask.tasks.deviance import PoissonD2, half_deviance
from multitask.tasks.pooling import PredictionPool
from multitask.tasks.regression import Regression


class Count(Regression):
    """Predict ``size`` counts, or other non-negative numbers whose errors grow with their size.

    Targets have shape ``[batch]`` or ``[batch, size]``, floating, 0 or more, NaN where missing. The
    head returns for each element the logarithm of its rate, relative to the training mean. The loss
    is half the deviance of a Poisson distribution, ``rate - y - y log(rate / y)`` (McCullagh and
    Nelder, 1989, "Generalized Linear Models", section 2.3), which is never negative and 0 for a
    rate equal to the count. Predictions are rates, ``[batch, size]``, in original units.

    Metrics are ``d2`` (the share of the deviance that the predictions explain), ``mae`` and
    ``rmse``.

    Args:
        size: see `Regression`.
        unit: see `Regression`.
        standardise: whether to divide the loss by the mean loss of a predictor that always returns
            the training mean. Deviances grow with the counts and their variance, so without it a
            task with large counts outweighs the others.
        head: see `Task`.
        weight: see `Task`.
        headline: see `Task`.
        counts: see `Task`.
        teaches: see `Task`.
    """

    headline = "d2"
    base: Tensor
    trivial_loss: Tensor

    def __init__(
        self,
        size: int = 1,
        unit: str = "",
        standardise: bool = True,
        head: HeadCallable = nn.Linear,
        weight: float = 1.0,
        headline: str | None = None,
        counts: bool = True,
        teaches: float = 1.0,
    ) -> None:
        super().__init__(size, unit, "none", None, head, weight, headline, counts, teaches)
        self.standardise = standardise
        # The rate for a raw output of 0, and the loss of the trivial predictor relative to it.
        self.register_buffer("base", torch.ones(size))
        self.register_buffer("trivial_loss", torch.ones(size))

    def check(self, name: str, targets: Tensor, split: str) -> None:
        super().check(name, targets, split)
        values = self._rows(targets)
        if (values < 0).any():
            row = int((values < 0).any(1).nonzero()[0])
            value = float(values[row][values[row] < 0][0])
            raise SampleError(
                name,
                row,
                f"task '{name}': the target of {split} sample {row} is {value:g}; a count must be "
                "0 or more, so change the data (NaN where missing) or make it a Regression",
            )

    def learn_statistics(self, name: str, targets: Tensor) -> None:
        super().learn_statistics(name, targets)
        # If an element is 0 in all training samples, its logarithm has no other origin.
        self.base.copy_(torch.where(self.trivial > 0, self.trivial, 1.0))
        if self.standardise:
            rows = self._rows(targets).double() / self.base
            known = missing_labels.known(rows)
            losses = half_deviance(torch.zeros_like(rows), rows.where(known, 1.0))
            mean = losses.where(known, 0.0).sum(0) / known.sum(0).clamp_min(1)
            self.trivial_loss.copy_(torch.where(mean > 0, mean, 1.0))

    def _losses(self, output: Tensor, goal: Tensor) -> Tensor:
        losses = half_deviance(bounded(output), goal / self.base.to(output.dtype))
        if self.standardise:
            return losses / self.trivial_loss.to(output.dtype)
        return losses * self.base.to(output.dtype)

    def _distances(self, output: Tensor, kept: Tensor) -> Tensor:
        """Half the deviance from the older model's rates, which is the divergence of both."""
        return self._losses(output, bounded(kept).exp() * self.base.to(kept.dtype))

    def loss_group(self) -> None:
        return None

    def predict(self, output: Tensor) -> Tensor:
        return bounded(output.float()).exp() * self.base

    def explained_output(self, output: Tensor) -> Tensor:
        return bounded(output)

    def uncertainty(self, output: Tensor) -> dict[str, Tensor]:
        found = super().uncertainty(output)
        return found | ({"low": found["low"].clamp_min(0)} if found else {})

    def trivial_output(self, output: Tensor) -> Tensor:
        return self.raw(self.trivial).to(output.dtype).expand_as(output)

    def raw(self, rates: Tensor) -> Tensor:
        """The head's outputs for rates in original units, ``[..., size]``."""
        return unbounded((rates / self.base.to(rates)).log())

    def pool(self) -> CountPool | None:
        return CountPool(self) if type(self).predict is Count.predict else None

    def metrics(self) -> MetricCollection:
        return MetricCollection(
            {
                "d2": PoissonD2(self.size),
                "mae": MeanAbsoluteError(),
                "rmse": MeanSquaredError(squared=False),
                **self.interval_metrics(),
            },
            compute_groups=False,
        )

    def entries(self, output: Tensor, target: Tensor) -> dict[str, Tensor]:
        """The entries of `Regression.entries`, and the sums for ``d2``."""
        relative = self._rows(target) / self.base
        return super().entries(output, target) | PoissonD2.each(
            self.predict(output) / self.base, relative
        )

    def count_in(self, metrics: MetricCollection, prediction: Tensor, target: Tensor) -> None:
        target = self._rows(target)
        known = missing_labels.known(target)
        if known.any():
            metrics["mae"].update(prediction[known].float(), target[known].float())
            metrics["rmse"].update(prediction[known].float(), target[known].float())
            # In units of the training mean, which does not change ratios of deviances.
            relative = ((each / self.base).float() for each in (prediction, target))
            metrics["d2"].update(*relative)


class CountPool(PredictionPool):
    """Pools counts by the mean of the members' rates; ``deviation`` is that of the rates.

    Args:
        task: the ensemble's task.
    """

    task: Count
