"""A number, or a vector of numbers, with the standard deviation of each prediction."""

from __future__ import annotations

from collections.abc import Mapping
from statistics import NormalDist
from typing import Any

import torch
from torch import Tensor, nn
from torchmetrics import Metric

from multitask import missing_labels
from multitask.errors import InputError
from multitask.tasks.base import HeadCallable
from multitask.tasks.bounded_logarithm import bounded, unbounded
from multitask.tasks.conformal import by_element, root_mean_square
from multitask.tasks.interval import LEVEL, interval_metrics
from multitask.tasks.pooling import NumberPool
from multitask.tasks.regression import Regression, Scale

NORMAL_QUANTILE = NormalDist().inv_cdf((1 + LEVEL) / 2)


class GaussianRegression(Regression):
    """Predict ``size`` numbers, with an uncertainty for each sample.

    The head returns a mean and the logarithm of a variance for each element. The loss is the
    negative log-likelihood of a normal distribution, times ``variance ** beta`` without its
    gradient (Seitzer et al., 2022, 2203.09168, equation 5, "On the Pitfalls of Heteroscedastic
    Uncertainty Estimation with Probabilistic Neural Networks"). At 0 it is the likelihood itself:
    samples that fit badly get a large variance and almost no weight. At 1 the means are trained as
    by the squared error. Targets, standardisation and missing elements are as in `Regression`.

    Predictions are the means. Their uncertainty is ``deviation``, and the interval from ``low`` to
    ``high``, which contains 90 % of the values if errors are normal. ``multitask calibrate``
    adjusts the interval so that the coverage holds.

    Args:
        size: see `Regression`.
        unit: see `Regression`.
        scale: see `Regression`.
        beta: power of the variance that multiplies losses, from 0 to 1; the paper recommends 0.5.
        head: see `Task`; called with two output features for each element.
        weight: see `Task`.
        headline: see `Task`.
        counts: see `Task`.
        teaches: see `Task`.
    """

    may_be_negative = True
    trivial_deviation: Tensor

    def __init__(
        self,
        size: int = 1,
        unit: str = "",
        scale: Scale = "element",
        beta: float = 0.5,
        head: HeadCallable = nn.Linear,
        weight: float = 1.0,
        headline: str | None = None,
        counts: bool = True,
        teaches: float = 1.0,
    ) -> None:
        super().__init__(size, unit, scale, None, head, weight, headline, counts, teaches)
        if not 0 <= beta <= 1:
            raise InputError(f"beta is {beta}; it must be from 0 (the likelihood) to 1")
        self.beta = beta
        self.register_buffer("trivial_deviation", torch.ones(size))

    @property
    def out_features(self) -> int:
        return 2 * self.size

    def learn_statistics(self, name: str, targets: Tensor) -> None:
        super().learn_statistics(name, targets)
        error = self._rows(targets).double() - self.trivial
        found = error.square().nanmean(0).nan_to_num().sqrt()
        self.trivial_deviation.copy_(torch.where(found > 0, found, 1.0))

    def _losses(self, output: Tensor, goal: Tensor) -> Tensor:
        mean, log_variance = self._parts(output)
        losses = 0.5 * (log_variance + (goal - mean).square() * (-log_variance).exp())
        return losses * (self.beta * log_variance.detach()).exp() if self.beta else losses

    def _distances(self, output: Tensor, kept: Tensor) -> Tensor:
        """The Kullback-Leibler divergence from the older normal distribution.

        Times the same power of the variance as the loss, so that both have the same weight.
        """
        (mean, log_variance), (goal, before) = self._parts(output), self._parts(kept)
        squares = before.exp() + (goal - mean).square()
        found = 0.5 * (log_variance - before + squares * (-log_variance).exp() - 1)
        return found * (self.beta * log_variance.detach()).exp() if self.beta else found

    def loss_group(self) -> None:
        return None

    def predict(self, output: Tensor) -> Tensor:
        return super().predict(self._parts(output)[0])

    def explained_output(self, output: Tensor) -> Tensor:
        return self._parts(output)[0]

    def trivial_output(self, output: Tensor) -> Tensor:
        mean = super().trivial_output(output[:, : self.size])
        raw = unbounded(2 * (self.trivial_deviation / self.deviation).log())
        return torch.cat([mean, raw.to(output.dtype).expand_as(mean)], 1)

    def pool(self) -> NumberPool | None:
        is_own = type(self).predict is GaussianRegression.predict
        return GaussianPool(self) if is_own else None

    def uncertainty(self, output: Tensor) -> dict[str, Tensor]:
        """The standard deviation and the bounds of an interval, in the form of `predict`."""
        prediction, deviation = self.predict(output), self._deviation(output)
        factor = 1.0 if self.spread is None else self.spread
        half = deviation * (NORMAL_QUANTILE if self.quantile is None else self.quantile)
        return {
            "deviation": deviation * factor,
            "low": prediction - half,
            "high": prediction + half,
        }

    def fit_calibration(self, output: Tensor, target: Tensor, level: float) -> dict[str, Any]:
        target = self._rows(target)
        known = missing_labels.known(target)
        # In units of the standard deviation predicted for each sample.
        score = (target - self.predict(output)) / self._deviation(output)
        return {
            "spread": root_mean_square(score, known),
            "quantile": by_element(score.abs(), known, level),
            "level": level,
        }

    def interval_metrics(self) -> Mapping[str, Metric]:
        return interval_metrics(["nll", "coverage", "interval_width"], has_trivial=True)

    def _parts(self, output: Tensor) -> tuple[Tensor, Tensor]:
        """Standardised means and logarithms of variances, each ``[batch, size]``."""
        mean, raw = output.split(self.size, 1)
        return mean, bounded(raw)

    def _deviation(self, output: Tensor) -> Tensor:
        """The uncalibrated standard deviation in original units, ``[batch, size]``."""
        return (0.5 * self._parts(output)[1].float()).exp() * self.deviation


class GaussianPool(NumberPool):
    """Pools numbers whose members each have a variance, by the law of total variance.

    The variance of the ensemble is the mean of the members' variances plus the variance of their
    means (Lakshminarayanan et al., 2017, 1612.01474, section 2.4). Its ``deviation`` covers both,
    so the members' disagreement is not given separately.

    Args:
        task: the ensemble's task.
    """

    task: GaussianRegression

    def __init__(self, task: GaussianRegression) -> None:
        super().__init__(task)
        self._variances: Tensor | float = 0.0

    def add(self, member: Regression, output: Tensor) -> None:
        assert isinstance(member, GaussianRegression)
        mean, log_variance = member._parts(output)
        self.take(self.standardised(member, mean))
        ratio = (member.deviation.to(output.device) / self.task.deviation).to(output.dtype)
        self._variances = self._variances + log_variance.exp() * ratio.square()

    def output(self) -> Tensor:
        variance = self._variances / self.count + self.variance()
        return torch.cat([super().output(), unbounded(variance.log())], 1)

    def disagreement(self) -> dict[str, Tensor]:
        return {}
