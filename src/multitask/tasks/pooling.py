"""Pooling the outputs of an ensemble's members into one output, and their disagreement."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from multitask.tasks.output import Output

if TYPE_CHECKING:
    from multitask.tasks.classification import Classification
    from multitask.tasks.edges import Edges
    from multitask.tasks.regression import Regression


class Pool(ABC):
    """The pooled outputs of an ensemble's members for one task, updated one member at a time.

    Its size does not grow with the number of members.
    """

    @abstractmethod
    def add(self, member: Any, output: Any) -> None:
        """Update with the outputs of one member.

        Args:
            member: the member's task, with the statistics of its own training targets.
            output: its raw outputs, see `multitask.tasks.Task.loss`.
        """

    @abstractmethod
    def output(self) -> Output:
        """Raw outputs of the ensemble, from which its task computes losses and predictions."""

    def disagreement(self) -> dict[str, Tensor]:
        """Named measures of the members' disagreement; none by default.

        Returns:
            Each of shape ``[batch]`` or ``[batch, size]``.
        """
        return {}


class ProbabilityPool(Pool):
    """Pools classes by the mean of the members' probabilities, not of their logits.

    The mean is the prediction of an ensemble (Lakshminarayanan et al., 2017, 1612.01474). Raw
    outputs are its logarithm, whose softmax is the probabilities again. The disagreement is the
    members' mutual information ``H(mean p) - mean H(p)`` in nats, the part of the entropy that more
    training data would remove (Depeweg et al., 2018, 1710.07283), averaged over the pixels of maps.

    Args:
        task: the ensemble's task.
    """

    def __init__(self, task: Classification | Edges) -> None:
        self.task = task
        self._count = 0
        self._total: Tensor | None = None
        self._entropy: Tensor | None = None

    def add(self, member: Classification | Edges, output: Tensor) -> None:
        logs = member.logits(output).log_softmax(1)
        entropy = _entropy(logs)
        # As logarithms, since a probability that is tiny for all members would be rounded to 0.
        self._total = logs if self._total is None else torch.logaddexp(self._total, logs)
        self._entropy = entropy if self._entropy is None else self._entropy + entropy
        self._count += 1

    def output(self) -> Tensor:
        return self.task.raw_outputs(self._logs())

    def information(self) -> Tensor:
        """The members' mutual information, shape ``[batch]`` or that of maps without classes."""
        assert self._entropy is not None
        # Rounding may make it negative.
        return (_entropy(self._logs()) - self._entropy / self._count).clamp_min(0)

    def disagreement(self) -> dict[str, Tensor]:
        found = self.information()
        return {"mutual_information": found.flatten(1).mean(1) if found.ndim > 1 else found}

    def _logs(self) -> Tensor:
        """Logarithms of the mean probabilities."""
        assert self._total is not None
        return self._total - math.log(self._count)


class NumberPool(Pool):
    """Pools numbers by the mean of the members' predictions in original units.

    Each member standardises by its own training targets, so raw outputs of different members are
    not comparable; those of the ensemble are standardised by its own task. ``deviation`` is the
    standard deviation of the members' predictions, in original units; for maps, the root mean
    square over the pixels. After the ensemble is calibrated, the variance of its errors is added
    according to the law of total variance: members that agree may all be wrong.

    Args:
        task: the ensemble's task.
    """

    def __init__(self, task: Regression) -> None:
        self.task, self.count = task, 0
        self._mean: Tensor | None = None
        self._squares: Tensor | None = None

    def add(self, member: Regression, output: Tensor) -> None:
        self.take(self.standardised(member, output))

    def standardised(self, member: Regression, values: Tensor) -> Tensor:
        """Convert a member's standardised numbers to the standardisation of the ensemble's task.

        Args:
            member: the member's task.
            values: shape ``[rows, size, ...]``.
        """
        task = self.task
        mean, deviation = (each.to(values.device) for each in (member.mean, member.deviation))
        # The means are subtracted first: with a large offset, single precision would lose the
        # difference.
        found = values * _along(deviation / task.deviation, values)
        return found + _along((mean - task.mean) / task.deviation, values)

    def take(self, values: Tensor) -> None:
        """Update with standardised numbers of the shape of the output."""
        self.count += 1
        if self._mean is None or self._squares is None:
            self._mean, self._squares = values, torch.zeros_like(values)
            return
        # Welford's algorithm, in which large common parts cancel before they are squared.
        before = values - self._mean
        self._mean = self._mean + before / self.count
        self._squares = self._squares + before * (values - self._mean)

    def variance(self) -> Tensor:
        """Variance of the members' standardised numbers, of the shape of the output."""
        assert self._squares is not None
        return self._squares / self.count

    def output(self) -> Tensor:
        assert self._mean is not None
        return self._mean

    def disagreement(self) -> dict[str, Tensor]:
        variance = self.variance()
        if variance.ndim > 2:
            variance = variance.flatten(2).mean(2)
        deviation = variance.sqrt() * self.task.deviation.to(variance.dtype)
        if (spread := self.task.spread) is not None:
            deviation = (deviation.square() + spread.to(variance.dtype).square()).sqrt()
        return {"deviation": deviation}


class PredictionPool(NumberPool):
    """Pools predictions in original units, for a task whose `raw` converts them to outputs.

    Args:
        task: the ensemble's task.
    """

    task: Any

    def add(self, member: Regression, output: Tensor) -> None:
        self.take(member.predict(output))

    def output(self) -> Tensor:
        return self.task.raw(super().output())


def _entropy(logs: Tensor) -> Tensor:
    return torch.special.entr(logs.exp()).sum(1)


def _along(values: Tensor, output: Tensor) -> Tensor:
    """One value for each element, which broadcasts with ``[batch, size, ...]``."""
    return values.to(output.dtype).reshape(-1, *[1] * (output.ndim - 2))
