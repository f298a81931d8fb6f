"""What a sweep searches over: W&B's distributions, drawn by Optuna."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from statistics import NormalDist
from typing import Any

EDGE = 1e-9
"""How near to 0 and 1 a normal distribution's quantile is drawn."""
DIGITS = 12
"""Of a quantized value, so that 3 times 0.1 is 0.3."""


class Parameter(ABC):
    """A setting that differs between trials."""

    @abstractmethod
    def drawn(self, trial: Any, name: str) -> Any:
        """Let a trial choose.

        Args:
            trial: an ``optuna.trial.Trial``.
            name: the parameter's.

        Returns:
            The value; the same whenever the same trial is asked.
        """

    def grid(self) -> Sequence[int] | None:
        """What Optuna may draw, in order; None if a grid cannot have it."""
        return None


@dataclass(frozen=True)
class Values(Parameter):
    """One of several values.

    Args:
        values: of any kind, also lists and mappings.
        probabilities: of the values; default: equal.
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
    """A whole number.

    Args:
        low: the smallest.
        high: the largest.
    """

    low: int
    high: int

    def drawn(self, trial: Any, name: str) -> int:
        return int(trial.suggest_int(name, self.low, self.high))

    def grid(self) -> Sequence[int]:
        return range(self.low, self.high + 1)


@dataclass(frozen=True)
class Real(Parameter):
    """A number between two others.

    Args:
        low: the smallest.
        high: the largest.
        is_log: whether its logarithm is uniform, rather than itself.
        step: of which it is a multiple; default: any number.
    """

    low: float
    high: float
    is_log: bool = False
    step: float | None = None

    def drawn(self, trial: Any, name: str) -> float:
        return rounded(trial.suggest_float(name, self.low, self.high, log=self.is_log), self.step)


@dataclass(frozen=True)
class Normal(Parameter):
    """A normal number, or one whose logarithm is normal.

    Args:
        mean: of the number, or of its logarithm.
        deviation: its standard deviation.
        is_log: whether the logarithm is meant.
        step: see `Real`.
    """

    mean: float
    deviation: float
    is_log: bool = False
    step: float | None = None

    def drawn(self, trial: Any, name: str) -> float:
        # Optuna has no normal distribution, but any is a function of its quantile.
        quantile = trial.suggest_float(name, EDGE, 1 - EDGE)
        value = NormalDist(self.mean, self.deviation).inv_cdf(quantile)
        return rounded(math.exp(value) if self.is_log else value, self.step)


def rounded(value: float, step: float | None) -> float:
    """The nearest multiple of a step.

    Args:
        value: any number.
        step: positive; None leaves the value as it is.
    """
    if step is None:
        return value
    return (
        round(value / step) * step
        if isinstance(step, int)
        else round(round(value / step) * step, DIGITS)
    )
