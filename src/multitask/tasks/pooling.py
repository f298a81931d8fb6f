"""How the outputs of an ensemble's members become one output, and how far the members differ."""

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
    """What the members of an ensemble say of one task, taken in one after the other.

    What is kept does not grow with the number of members.
    """

    @abstractmethod
    def add(self, member: Any, output: Any) -> None:
        """Take in what one member says.

        Args:
            member: its task, with the statistics of its own training targets.
            output: its raw outputs, see `multitask.tasks.Task.loss`.
        """

    @abstractmethod
    def output(self) -> Output:
        """Raw outputs of the ensemble, of which its task makes losses, metrics and predictions."""

    def disagreement(self) -> dict[str, Tensor]:
        """How far the members differ, by what it is; nothing by default.

        Returns:
            Each of shape ``[batch]`` or ``[batch, size]``.
        """
        return {}


class ProbabilityPool(Pool):
    """Pools classes: the mean of the members' probabilities, not of their logits.

    The mean is what an ensemble predicts (Lakshminarayanan et al., 2017, 1612.01474). Raw outputs
    are its logarithms, of which softmax makes the probabilities again. The members differ by their
    mutual information ``H(mean p) - mean H(p)`` in nats, the part of the entropy that more training
    data would take away (Depeweg et al., 2018, 1710.07283); of maps, its mean over the pixels.

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
        # As logarithms, since a probability that all members call tiny would be rounded to 0.
        self._total = logs if self._total is None else torch.logaddexp(self._total, logs)
        self._entropy = entropy if self._entropy is None else self._entropy + entropy
        self._count += 1

    def output(self) -> Tensor:
        return self.task.raw_outputs(self._logs())

    def information(self) -> Tensor:
        """The members' mutual information, shape ``[batch]`` or that of maps without classes."""
        assert self._entropy is not None
        # Rounding may make it less than 0, which it cannot be.
        return (_entropy(self._logs()) - self._entropy / self._count).clamp_min(0)

    def disagreement(self) -> dict[str, Tensor]:
        found = self.information()
        return {"mutual_information": found.flatten(1).mean(1) if found.ndim > 1 else found}

    def _logs(self) -> Tensor:
        """Logarithms of the mean probabilities."""
        assert self._total is not None
        return self._total - math.log(self._count)


class NumberPool(Pool):
    """Pools numbers: the mean of the members' predictions in original units.

    Each member standardises by its own training targets, so raw outputs of different members do
    not compare; those of the ensemble are standardised by its own task. ``deviation`` is the
    standard deviation of the members' predictions, in original units; of maps, the root of the mean
    of its square over the pixels. Once the ensemble is calibrated, the variance of its errors is
    added, as the law of total variance has it: members that agree may all be wrong.

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
        """A member's standardised numbers as the ensemble's task standardises them.

        Args:
            member: its task.
            values: shape ``[rows, size, ...]``.
        """
        task = self.task
        mean, deviation = (each.to(values.device) for each in (member.mean, member.deviation))
        # The difference of the means first, which single precision would lose in far-off units.
        found = values * _along(deviation / task.deviation, values)
        return found + _along((mean - task.mean) / task.deviation, values)

    def take(self, values: Tensor) -> None:
        """Count standardised numbers in, of the shape of the output."""
        self.count += 1
        if self._mean is None or self._squares is None:
            self._mean, self._squares = values, torch.zeros_like(values)
            return
        # Welford's way, in which large equal parts cancel before they are squared.
        before = values - self._mean
        self._mean = self._mean + before / self.count
        self._squares = self._squares + before * (values - self._mean)

    def variance(self) -> Tensor:
        """Of the members' standardised numbers, of the shape of the output."""
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
    """Pools what members predict, in original units, of a task whose `raw` makes outputs of it.

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
    """One value for each element, so that it broadcasts with ``[batch, size, ...]``."""
    return values.to(output.dtype).reshape(-1, *[1] * (output.ndim - 2))
