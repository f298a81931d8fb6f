"""Counts that vary more than their rate, with a dispersion for each sample."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from multitask import missing_labels
from multitask.tasks.base import HeadCallable
from multitask.tasks.bounded_logarithm import bounded, unbounded
from multitask.tasks.conformal import by_element, root_mean_square
from multitask.tasks.count import Count, CountPool
from multitask.tasks.deviance import half_deviance
from multitask.tasks.regression import Regression

SMALLEST_DISPERSION = 1e-3
"""Smallest initial dispersion; for counts that vary no more than a Poisson distribution."""


class NegativeBinomial(Count):
    """Predict ``size`` counts, and for each sample by how much its variance exceeds the rate.

    For each element the head returns the logarithm of a rate, as in `Count`, and of a dispersion
    ``a``, relative to that of the training counts. The loss is the negative log-likelihood of a
    negative binomial distribution with the variance ``rate + a rate^2`` (Cameron and Trivedi, 2013,
    "Regression Analysis of Count Data", section 3.3.1, NB2), which is never negative. Targets,
    predictions and metrics are those of `Count`; the uncertainty of predictions is their
    ``deviation``.

    Args:
        size: see `Regression`.
        unit: see `Regression`.
        head: see `Task`; called with two output features for each element.
        weight: see `Task`.
        headline: see `Task`.
        counts: see `Task`.
        teaches: see `Task`.
    """

    dispersion: Tensor

    def __init__(
        self,
        size: int = 1,
        unit: str = "",
        head: HeadCallable = nn.Linear,
        weight: float = 1.0,
        headline: str | None = None,
        counts: bool = True,
        teaches: float = 1.0,
    ) -> None:
        super().__init__(size, unit, False, head, weight, headline, counts, teaches)
        self.register_buffer("dispersion", torch.ones(size))

    @property
    def out_features(self) -> int:
        return 2 * self.size

    def learn_statistics(self, name: str, targets: Tensor) -> None:
        super().learn_statistics(name, targets)
        error = self._rows(targets).double() - self.trivial
        excess = error.square().nanmean(0).nan_to_num() - self.trivial
        # The method of moments.
        self.dispersion.copy_((excess / self.base.square()).clamp_min(SMALLEST_DISPERSION))

    def _losses(self, output: Tensor, goal: Tensor) -> Tensor:
        # Logarithms of the gamma function are large and cancel.
        log_rate, log_dispersion = (each.double() for each in self._logs(output))
        goal, size = goal.double(), (-log_dispersion).exp()
        gammas = (goal + size).lgamma() - size.lgamma() - (goal + 1).lgamma()
        # The shares of the rate and of 1 / dispersion in their sum.
        rate, rest = (
            -nn.functional.softplus(each)
            for each in (-log_rate - log_dispersion, log_rate + log_dispersion)
        )
        return -(gammas + size * rest + goal * rate).to(output.dtype)

    def _distances(self, output: Tensor, kept: Tensor) -> Tensor:
        """The distances of rates as in `Count`, plus squared differences of log-dispersions."""
        (log_rate, log_dispersion), (goal, before) = self._logs(output), self._logs(kept)
        base = self.base.to(output.dtype)
        return (
            half_deviance(log_rate - base.log(), goal.exp() / base)
            + (log_dispersion - before).square()
        )

    def predict(self, output: Tensor) -> Tensor:
        return super().predict(output[:, : self.size])

    def explained_output(self, output: Tensor) -> Tensor:
        return super().explained_output(output[:, : self.size])

    def uncertainty(self, output: Tensor) -> dict[str, Tensor]:
        """The standard deviation; after calibration, also the bounds of an interval."""
        prediction, deviation = self.predict(output), self.variance(output).sqrt()
        if self.spread is None or self.quantile is None:
            return {"deviation": deviation}
        half = deviation * self.quantile
        return {
            "deviation": deviation * self.spread,
            "low": (prediction - half).clamp_min(0),
            "high": prediction + half,
        }

    def fit_calibration(self, output: Tensor, target: Tensor, level: float) -> dict[str, Any]:
        target = self._rows(target)
        known = missing_labels.known(target)
        # In units of the standard deviation predicted for each sample.
        score = (target - self.predict(output)) / self.variance(output).sqrt()
        return {
            "spread": root_mean_square(score, known),
            "quantile": by_element(score.abs(), known, level),
            "level": level,
        }

    def variance(self, output: Tensor) -> Tensor:
        """The variance of each count, ``rate + a rate^2``, in original units, as in `predict`."""
        rate = self.predict(output)
        return rate + self._logs(output.float())[1].exp() * rate.square()

    def trivial_output(self, output: Tensor) -> Tensor:
        rates = super().trivial_output(output[:, : self.size])
        return torch.cat([rates, torch.zeros_like(rates)], 1)

    def raw_dispersion(self, dispersion: Tensor) -> Tensor:
        """The head's outputs for given dispersions, ``[..., size]``."""
        return unbounded((dispersion / self.dispersion.to(dispersion)).log())

    def pool(self) -> CountPool | None:
        is_own = type(self).predict is NegativeBinomial.predict
        return NegativeBinomialPool(self) if is_own else None

    def _logs(self, output: Tensor) -> tuple[Tensor, Tensor]:
        """Log-rates in original units and log-dispersions, each ``[batch, size]``."""
        rates, dispersions = (bounded(each) for each in output.split(self.size, 1))
        base, dispersion = (each.to(output.dtype).log() for each in (self.base, self.dispersion))
        return rates + base, dispersions + dispersion


class NegativeBinomialPool(CountPool):
    """Pools counts whose members each have a variance, by the law of total variance.

    The ensemble's ``deviation`` covers both, so the members' disagreement is not given separately.

    Args:
        task: the ensemble's task.
    """

    task: NegativeBinomial

    def __init__(self, task: NegativeBinomial) -> None:
        super().__init__(task)
        self._variances: Tensor | float = 0.0

    def add(self, member: Regression, output: Tensor) -> None:
        assert isinstance(member, NegativeBinomial)
        super().add(member, output)
        self._variances = self._variances + member.variance(output)

    def output(self) -> Tensor:
        assert self._mean is not None
        variance = self._variances / self.count + self.variance()
        # A mixture of negative binomial distributions varies more than a Poisson distribution.
        dispersion = (variance - self._mean).clamp_min(0) / self._mean.square()
        return torch.cat([super().output(), self.task.raw_dispersion(dispersion)], 1)

    def disagreement(self) -> dict[str, Tensor]:
        return {}
