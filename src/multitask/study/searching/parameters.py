"""Search space of a sweep: W&B's distributions, sampled by Optuna."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from statistics import NormalDist
from typing import Any

EDGE = 1e-9
"""Smallest distance from 0 and 1 at which a normal distribution's quantile is sampled."""
DIGITS = 12
"""Decimal digits of a quantized value, so that 3 times 0.1 is 0.3."""


class Parameter(ABC):
    """A setting that differs between trials."""

    @abstractmethod
    def drawn(self, trial: Any, name: str) -> Any:
        """Sample a value for a trial.

        Args:
            trial: an ``optuna.trial.Trial``.
            name: name of the parameter.

        Returns:
            The value, which is the same each time for the same trial.
        """

    def grid(self) -> Sequence[int] | None:
        """The values that Optuna may sample, in order; None if a grid search is impossible."""
        return None


@dataclass(frozen=True)
class Values(Parameter):
    """One of several values.

    Args:
        values: values of any type, including lists and mappings.
        probabilities: probabilities of the values; default: equal.
    """

    values: Sequence[Any]
    probabilities: Sequence[float] | None = None

    def drawn(self, trial: Any, name: str) -> Any:
        if self.probabilities is None:
            return self.values[trial.suggest_categorical(name, list(range(len(self.values))))]
        share = trial.suggest_float(name, 0, 1) * sum(self.probabilities)
        ends = accumulate(self.probabilities)
        place = next((at for at, end in enumerate(ends) if share < end), len(self.values) - 1)
        return self.values[place]

    def grid(self) -> Sequence[int] | None:
        return None if self.probabilities is not None else range(len(self.values))


@dataclass(frozen=True)
class Whole(Parameter):
    """An integer.

    Args:
        low: smallest value.
        high: largest value.
    """

    low: int
    high: int

    def drawn(self, trial: Any, name: str) -> int:
        return int(trial.suggest_int(name, self.low, self.high))

    def grid(self) -> Sequence[int]:
        return range(self.low, self.high + 1)


@dataclass(frozen=True)
class Real(Parameter):
    """A number in an interval.

    Args:
        low: smallest value.
        high: largest value.
        is_log: whether the logarithm, rather than the value, is uniform.
        step: the value is a multiple of it; default: any number.
    """

    low: float
    high: float
    is_log: bool = False
    step: float | None = None

    def drawn(self, trial: Any, name: str) -> float:
        return rounded(trial.suggest_float(name, self.low, self.high, log=self.is_log), self.step)


@dataclass(frozen=True)
class Normal(Parameter):
    """A normally or log-normally distributed number.

    Args:
        mean: mean of the number, or of its logarithm.
        deviation: standard deviation of the number, or of its logarithm.
        is_log: whether the logarithm is normally distributed.
        step: see `Real`.
    """

    mean: float
    deviation: float
    is_log: bool = False
    step: float | None = None

    def drawn(self, trial: Any, name: str) -> float:
        # Optuna has no normal distribution, but any distribution is a function of its quantile.
        quantile = trial.suggest_float(name, EDGE, 1 - EDGE)
        value = NormalDist(self.mean, self.deviation).inv_cdf(quantile)
        return rounded(math.exp(value) if self.is_log else value, self.step)


def rounded(value: float, step: float | None) -> float:
    """Round to the nearest multiple of a step.

    Args:
        value: any number.
        step: positive; with None the value is unchanged.
    """
    if step is None:
        return value
    return (
        round(value / step) * step
        if isinstance(step, int)
        else round(round(value / step) * step, DIGITS)
    )
