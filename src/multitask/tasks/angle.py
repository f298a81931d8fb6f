"""A direction, which wraps around: 359 degrees is next to 0."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from torchmetrics import MetricCollection

from multitask.errors import InputError, SampleError
from multitask.tasks.angular_error import AngularError, MeanCosine, WithinDegrees, wrapped
from multitask.tasks.base import Cell, Column, HeadCallable, Task
from multitask.tasks.mean_resultant import mean_resultant
from multitask.tasks.pooling import Pool
from multitask.tasks.scatter import draw_scatter

if TYPE_CHECKING:
    from matplotlib.axes import Axes

CIRCLE = 360.0
LARGEST_CONCENTRATION = 1e4
"""Concentration of the trivial predictor if all training angles are the same."""
TINY = 1e-12


class Angle(Task):
    """Predict an angle in degrees, with its uncertainty.

    Targets have shape ``[batch]`` or ``[batch, 1]``, floating, in degrees of any turn, NaN where
    missing. The head returns a vector ``o`` of two elements. The loss is the negative
    log-likelihood of a von Mises distribution, whose direction and concentration are the direction
    and length of ``o``: ``log I0(|o|) - o . (cos y, sin y) + log(2 pi)``, which is convex in ``o``
    (Mardia and Jupp, 2000, "Directional Statistics", section 3.5.4). It may be negative.
    Predictions are in degrees, ``[batch]``: from 0 to ``period``, or from ``-period / 2`` to
    ``period / 2`` if some training targets are negative. Their circular standard ``deviation`` is
    given as the uncertainty.

    Metrics are ``cosine`` (the mean cosine of the error, as a share of the period), ``mae`` (in
    degrees, the shorter way round) and ``within_10`` (the share of errors of at most 10 degrees).

    Args:
        period: number of degrees after which an angle repeats: 360 for a direction, 180 for an
            axis, 90 for a square.
        head: see `Task`; called with 2 output features.
        weight: see `Task`.
        headline: see `Task`.
        counts: see `Task`.
        teaches: see `Task`.
    """

    headline = "cosine"
    may_be_negative = True
    trivial: Tensor
    lowest: Tensor

    def __init__(
        self,
        period: float = CIRCLE,
        head: HeadCallable = nn.Linear,
        weight: float = 1.0,
        headline: str | None = None,
        counts: bool = True,
        teaches: float = 1.0,
    ) -> None:
        super().__init__(head, weight, headline, counts, teaches)
        if not 0 < period <= CIRCLE:
            raise InputError(
                f"period is {period}; give the degrees after which an angle repeats, above 0 "
                "and at most 360, such as 360 for a direction or 180 for an axis"
            )
        self.period = float(period)
        # The trivial predictor's vector, and the lowest angle that is predicted.
        self.register_buffer("trivial", torch.zeros(2))
        self.register_buffer("lowest", torch.zeros(()))

    @property
    def unit(self) -> str:
        """The unit of targets and predictions."""
        return "°"

    @property
    def out_features(self) -> int:
        return 2

    def check(self, name: str, targets: Tensor, split: str) -> None:
        if not targets.is_floating_point() or targets[0].numel() != 1:
            raise InputError(
                f"task '{name}': its {split} targets are {targets.dtype} of shape "
                f"{list(targets.shape)}; an angle needs one floating-point number per sample, in "
                "degrees, NaN where missing"
            )
        if targets.isinf().any():
            row = int(targets.flatten().isinf().nonzero()[0])
            raise SampleError(
                name,
                row,
                f"task '{name}': the target of {split} sample {row} is infinite; give degrees, or "
                "NaN if one is missing",
            )

    def learn_statistics(self, name: str, targets: Tensor) -> None:
        super().learn_statistics(name, targets)
        known = targets[self.known(targets)].flatten().double()
        self.lowest.fill_(-self.period / 2 if bool((known < 0).any()) else 0.0)
        mean = self._directions(known).mean(0)
        length = mean.norm().clamp(TINY, 1.0)
        # Banerjee et al., 2005, JMLR 6, "Clustering on the Unit Hypersphere using von Mises-Fisher
        # Distributions", equation 4.4.
        concentration = length * (2 - length**2) / (1 - length**2).clamp_min(TINY)
        self.trivial.copy_(mean / length * concentration.clamp_max(LARGEST_CONCENTRATION))

    def loss(self, output: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
        losses, counts = self.sample_loss(output, target)
        return losses.sum(), counts.sum()

    def sample_loss(self, output: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
        known = self.known(target)
        goal = self._directions(torch.where(known, target.flatten(), 0)).to(output.dtype)
        losses = log_normaliser(output) - (output * goal).sum(1)
        return torch.where(known, losses, 0.0), known.to(output.dtype)

    def distance(self, output: Tensor, kept: Tensor, temperature: float) -> Tensor | None:
        """The Kullback-Leibler divergence from the older von Mises distribution."""
        if self.pool() is None:
            return None
        apart = ((kept - output) * mean_direction(kept)).sum(1)
        return apart + log_normaliser(output) - log_normaliser(kept)

    def missing_target(self, output: Tensor) -> Tensor:
        return output.new_full((len(output),), torch.nan)

    def predict(self, output: Tensor) -> Tensor:
        cosine, sine = output.float().unbind(1)
        angle = torch.atan2(sine, cosine) * (self.period / (2 * math.pi))
        return self._in_range(angle)

    def uncertainty(self, output: Tensor) -> dict[str, Tensor]:
        """The circular standard deviation, in degrees: ``sqrt(-2 log R)``, R the mean resultant."""
        length = mean_resultant(_length(output.float())).clamp(TINY, 1.0)
        return {"deviation": (-2 * length.log()).sqrt() * (self.period / (2 * math.pi))}

    def trivial_output(self, output: Tensor) -> Tensor:
        return self.trivial.to(output.dtype).expand_as(output)

    def pool(self) -> Pool | None:
        return AnglePool() if type(self).predict is Angle.predict else None

    def metrics(self) -> MetricCollection:
        return MetricCollection(
            {
                "cosine": MeanCosine(self.period),
                "mae": AngularError(self.period),
                "within_10": WithinDegrees(self.period, 10.0),
            },
            compute_groups=False,
        )

    def columns(self, name: str, prediction: Tensor) -> dict[str, Column]:
        return {name: prediction}

    def target_columns(self, name: str, target: Tensor) -> dict[str, Column]:
        return {f"{name}.target": target.flatten()}

    def side_by_side(self, prediction: Tensor, target: Tensor) -> dict[str, list[Cell]]:
        columns = {"target (°)": target.flatten(), "prediction (°)": prediction}
        return {
            name: [each if each == each else None for each in values.tolist()]
            for name, values in columns.items()
        }

    def caption(self, value: Tensor) -> str:
        degrees = float(value)
        return f"{degrees:.3g}°" if degrees == degrees else "?"

    def draw(self, axes: Axes, prediction: Tensor, target: Tensor) -> bool:
        # In the nearest turn, so that a small error looks small.
        true = self._in_range(target.flatten())
        draw_scatter(axes, true + wrapped(prediction - true, self.period), true, self.unit)
        return True

    def _directions(self, degrees: Tensor) -> Tensor:
        """Unit vectors, ``[rows, 2]``."""
        radians = degrees * (2 * math.pi / self.period)
        return torch.stack([radians.cos(), radians.sin()], 1)

    def _in_range(self, degrees: Tensor) -> Tensor:
        low = self.lowest.to(degrees.dtype)
        return (degrees - low).remainder(self.period) + low


class AnglePool(Pool):
    """Pools angles: the mean of the members' vectors.

    It is the mean of the von Mises distribution proportional to the geometric mean of the members'
    distributions (a logarithmic opinion pool: Genest and Zidek, 1986, Statistical Science 1(1)).
    Members that disagree shorten the mean vector, so its ``deviation`` reflects their disagreement
    too.
    """

    def __init__(self) -> None:
        self._total: Tensor | float = 0.0
        self._count = 0

    def add(self, member: Angle, output: Tensor) -> None:
        self._total = self._total + output
        self._count += 1

    def output(self) -> Tensor:
        assert isinstance(self._total, Tensor)
        return self._total / self._count


def log_normaliser(vector: Tensor) -> Tensor:
    """``log(2 pi I0(|o|))``, the log-normaliser of a von Mises distribution.

    Args:
        vector: o, shape ``[batch, 2]``.

    Returns:
        Shape ``[batch]``.
    """
    # I0 overflows for large lengths.
    length = _length(vector)
    return torch.special.i0e(length).log() + length + math.log(2 * math.pi)


def mean_direction(vector: Tensor) -> Tensor:
    """The mean of a von Mises distribution's unit vectors.

    Args:
        vector: o, shape ``[batch, 2]``.

    Returns:
        Same shape.
    """
    length = _length(vector)
    return (mean_resultant(length) / length).unsqueeze(1) * vector


def _length(vector: Tensor) -> Tensor:
    # The norm has no gradient at 0.
    return (vector.square().sum(1) + TINY).sqrt()
