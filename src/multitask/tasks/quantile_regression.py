"""Quantiles of a number, or of each number of a vector."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import softplus
from torchmetrics import Metric

from multitask import missing_labels
from multitask.errors import InputError
from multitask.tasks.base import HeadCallable
from multitask.tasks.calibration import told_number
from multitask.tasks.conformal import by_element
from multitask.tasks.interval import interval_metrics
from multitask.tasks.loss_d2 import LossD2
from multitask.tasks.pooling import NumberPool
from multitask.tasks.regression import Regression, Scale

MEDIAN = 0.5
SMALLEST_STEP = 1e-6
"""Smallest step of the trivial predictor, between equal standardised quantiles."""


class QuantileRegression(Regression):
    """Predict quantiles of ``size`` numbers that do not cross.

    The head returns the median and, on either side, the distances between adjacent quantiles, made
    positive by softplus. The loss is the pinball loss, averaged over the quantiles (Koenker and
    Bassett, 1978, Econometrica 46(1), "Regression Quantiles"). Targets, standardisation and missing
    elements are as in `Regression`.

    Predictions are the medians. Their uncertainty is ``low`` and ``high``, the lowest and the
    highest quantile. ``multitask calibrate`` widens or narrows this interval until it has the
    coverage that it reports (Romano et al., 2019, 1905.03222, "Conformalized Quantile Regression").
    Metrics are those of `Regression`, ``coverage``, ``interval_width``, and ``d2``, the share of
    the pinball loss that predictions explain, see `multitask.tasks.loss_d2.LossD2`.

    Args:
        size: see `Regression`.
        unit: see `Regression`.
        scale: see `Regression`.
        quantiles: rising, between 0 and 1, with 0.5 and at least one quantile on either side of it.
        head: see `Task`; called with one output feature for each quantile of each element.
        weight: see `Task`.
        headline: see `Task`.
        counts: see `Task`.
        teaches: see `Task`.
    """

    fractions: Tensor
    trivial_quantiles: Tensor

    def __init__(
        self,
        size: int = 1,
        unit: str = "",
        scale: Scale = "element",
        quantiles: Sequence[float] = (0.05, 0.5, 0.95),
        head: HeadCallable = nn.Linear,
        weight: float = 1.0,
        headline: str | None = None,
        counts: bool = True,
        teaches: float = 1.0,
    ) -> None:
        super().__init__(size, unit, scale, None, head, weight, headline, counts, teaches)
        self.quantiles = list(quantiles)
        rises = all(
            one < other for one, other in zip([0, *quantiles], [*quantiles, 1], strict=True)
        )
        if not rises or MEDIAN not in self.quantiles[1:-1]:
            raise InputError(
                f"quantiles is {self.quantiles}; give increasing numbers between 0 and 1, with 0.5 "
                "and at least one on either side of it, such as [0.05, 0.5, 0.95]"
            )
        self.middle = self.quantiles.index(MEDIAN)
        self.register_buffer("fractions", torch.tensor(self.quantiles), persistent=False)
        self.register_buffer("trivial_quantiles", torch.zeros(len(self.quantiles), size))

    @property
    def out_features(self) -> int:
        return len(self.quantiles) * self.size

    def learn_statistics(self, name: str, targets: Tensor) -> None:
        super().learn_statistics(name, targets)
        rows = self._rows(targets).double()
        # An element without a label has no quantiles.
        values = (rows.where(missing_labels.known(rows).any(0), 0) - self.mean) / self.deviation
        found = torch.from_numpy(np.nanquantile(values.cpu().numpy(), self.quantiles, axis=0))
        self.trivial_quantiles.copy_(found)

    def _losses(self, output: Tensor, goal: Tensor) -> Tensor:
        return self._pinball(self._standardised(output), goal)

    def _pinball(self, quantiles: Tensor, goal: Tensor) -> Tensor:
        error = goal.unsqueeze(1) - quantiles
        fractions = self.fractions.to(goal.dtype).view(-1, 1)
        return torch.maximum(fractions * error, (fractions - 1) * error).mean(1)

    def _distances(self, output: Tensor, kept: Tensor) -> Tensor:
        """The squared differences of the standardised quantiles."""
        return (self._standardised(output) - self._standardised(kept)).square()

    def loss_group(self) -> None:
        return None

    def predict(self, output: Tensor) -> Tensor:
        return self._in_units(self._standardised(output)[:, self.middle])

    def explained_output(self, output: Tensor) -> Tensor:
        return self._standardised(output)[:, self.middle]

    def trivial_output(self, output: Tensor) -> Tensor:
        return self.raw(self.trivial_quantiles[None]).to(output.dtype).expand_as(output)

    def raw(self, quantiles: Tensor) -> Tensor:
        """The head's outputs for given standardised quantiles.

        Args:
            quantiles: rising along the second axis, shape ``[batch, quantiles, size]``.
        """
        steps = quantiles.diff(dim=1).clamp_min(SMALLEST_STEP)
        # The inverse of softplus, exact for small steps too.
        raw = steps + torch.log(-torch.expm1(-steps))
        median = quantiles[:, self.middle : self.middle + 1]
        found = torch.cat([raw[:, : self.middle], median, raw[:, self.middle :]], 1)
        return found.flatten(1)

    def pool(self) -> NumberPool | None:
        is_own = type(self).predict is QuantileRegression.predict
        return QuantilePool(self) if is_own else None

    def uncertainty(self, output: Tensor) -> dict[str, Tensor]:
        """The bounds of an interval, in the form of `predict`."""
        quantiles = self._in_units(self._standardised(output))
        low, median, high = quantiles[:, 0], quantiles[:, self.middle], quantiles[:, -1]
        if self.quantile is not None:
            # Narrowing might make the bounds cross.
            low = torch.minimum(low - self.quantile, median)
            high = torch.maximum(high + self.quantile, median)
        return {"low": low, "high": high}

    def take_calibration(self, told: Mapping[str, Any] | None) -> None:
        self.quantile = self.level = None
        if told is not None:
            level = told_number(told, "level", 0.0, 1.0)
            # Negative if intervals are too wide.
            self.quantile, self.level = self._told(told, "quantile", -torch.inf), level

    def fit_calibration(self, output: Tensor, target: Tensor, level: float) -> dict[str, Any]:
        target = self._rows(target)
        quantiles = self._in_units(self._standardised(output))
        score = torch.maximum(quantiles[:, 0] - target, target - quantiles[:, -1])
        return {"quantile": by_element(score, missing_labels.known(target), level), "level": level}

    def interval_metrics(self) -> Mapping[str, Metric]:
        found = interval_metrics(["coverage", "interval_width"], has_trivial=True)
        return {"d2": LossD2(self.size), **found}

    def entries(self, output: Tensor, target: Tensor) -> dict[str, Tensor]:
        """The entries of `Regression.entries`, and the pinball losses for ``d2``."""
        goal = (self._rows(target) - self.mean) / self.deviation
        found = (self._standardised(output), self.trivial_quantiles[None])
        losses = [self._pinball(each.to(goal.dtype), goal) for each in found]
        return super().entries(output, target) | {"d2": torch.stack(losses, 2)}

    def _standardised(self, output: Tensor) -> Tensor:
        """Quantiles rising along the second axis, shape ``[batch, quantiles, size]``."""
        raw = output.unflatten(1, (len(self.quantiles), self.size))
        median = raw[:, self.middle : self.middle + 1]
        below = softplus(raw[:, : self.middle]).flip(1).cumsum(1).flip(1)
        above = softplus(raw[:, self.middle + 1 :]).cumsum(1)
        return torch.cat([median - below, median, median + above], 1)

    def _in_units(self, standardised: Tensor) -> Tensor:
        return super().predict(standardised)


class QuantilePool(NumberPool):
    """Pools quantiles by their mean over the members, so that none cross.

    ``deviation`` is the standard deviation of the members' medians.

    Args:
        task: the ensemble's task.
    """

    task: QuantileRegression

    def __init__(self, task: QuantileRegression) -> None:
        super().__init__(task)
        self._quantiles: Tensor | float = 0.0

    def add(self, member: Regression, output: Tensor) -> None:
        assert isinstance(member, QuantileRegression)
        # [batch, size, quantiles]
        found = self.standardised(member, member._standardised(output).movedim(1, 2))
        self._quantiles = self._quantiles + found
        self.take(found[:, :, member.middle])

    def output(self) -> Tensor:
        assert isinstance(self._quantiles, Tensor)
        return self.task.raw((self._quantiles / self.count).movedim(2, 1))
