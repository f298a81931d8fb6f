"""A number, or a vector of numbers, with the standard deviation of each prediction."""

from __future__ import annotations

from collections.abc import Mapping
from statistics import NormalDist
from typing import Any

import torch
from torch import Tensor, nn
from torchmetrics import Metric

from multitask import labels
from multitask.errors import InputError
from multitask.tasks.base import HeadCallable
from multitask.tasks.conformal import by_element, root_mean_square
from multitask.tasks.interval import LEVEL, interval_metrics
from multitask.tasks.regression import Regression, Scale

NORMAL_QUANTILE = NormalDist().inv_cdf((1 + LEVEL) / 2)
LARGEST_LOG = 20.0
"""Of a standardised variance: from 2e-9 to 5e8, approached without an edge."""


class GaussianRegression(Regression):
    """Predict ``size`` numbers, and for each sample how far off each may be.

    The head returns a mean and the logarithm of a variance for each element. The loss is the
    negative log-likelihood of a normal distribution, times ``variance ** beta``, through which no
    gradient passes (Seitzer et al., 2022, 2203.09168, equation 5, "On the Pitfalls of
    Heteroscedastic Uncertainty Estimation with Probabilistic Neural Networks"): at 0, the
    likelihood itself, samples that fit badly are given a large variance and hardly count any more;
    at 1 the means learn as by the squared error. Targets, standardisation and missing elements are
    those of `Regression`.

    Predictions are the means; beside them are ``deviation``, and ``low`` and ``high``, between
    which 90 % of the values would lie if errors were normal. ``multitask calibrate`` makes it a
    share that holds.

    Args:
        size: see `Regression`.
        unit: see `Regression`.
        scale: see `Regression`.
        beta: power of the variance by which losses are multiplied, from 0 to 1; the paper
            recommends 0.5.
        head: see `Task`; called with twice as many output features as there are elements.
        weight: see `Task`.
        headline: see `Task`.
        counts: see `Task`.
    """

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
    ) -> None:
        super().__init__(size, unit, scale, None, head, weight, headline, counts)
        if not 0 <= beta <= 1:
            raise InputError(f"beta is {beta}; it is from 0 (the likelihood) to 1")
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

    def loss_group(self) -> None:
        return None

    def predict(self, output: Tensor) -> Tensor:
        return super().predict(self._parts(output)[0])

    def explained_output(self, output: Tensor) -> Tensor:
        return self._parts(output)[0]

    def trivial_output(self, output: Tensor) -> Tensor:
        mean = super().trivial_output(output[:, : self.size])
        log_variance = 2 * (self.trivial_deviation / self.deviation).log()
        raw = LARGEST_LOG * (log_variance / LARGEST_LOG).clamp(-0.999, 0.999).atanh()
        return torch.cat([mean, raw.to(output.dtype).expand_as(mean)], 1)

    def uncertainty(self, output: Tensor) -> dict[str, Tensor]:
        """The standard deviation, and the ends of an interval, as `predict`."""
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
        known = labels.known(target)
        # In units of the deviation that was predicted for each sample.
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
        return mean, LARGEST_LOG * (raw / LARGEST_LOG).tanh()

    def _deviation(self, output: Tensor) -> Tensor:
        """Before it is calibrated, in original units, ``[batch, size]``."""
        return (0.5 * self._parts(output)[1].float()).exp() * self.deviation
