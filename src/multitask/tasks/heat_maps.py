"""Points in the image, each predicted by a heat map."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torchmetrics import MetricCollection

from multitask import missing_labels
from multitask.encoders.forms import Form
from multitask.errors import InputError
from multitask.heads import DenseHead
from multitask.tasks.base import MapHeadCallable
from multitask.tasks.keypoints import Keypoints
from multitask.tasks.pooling import NumberPool
from multitask.tasks.regression import Regression


class HeatMaps(Keypoints):
    """Predict the positions of points, each by a map of its likelihood.

    Targets, predictions and metrics are those of `Keypoints`. Raw outputs have shape ``[batch,
    points, height, width]``. The loss is the cross entropy of each map's softmax with a Gaussian
    around the point, averaged over the known points. The prediction is the mean of the softmax
    (integral regression: Sun et al., 2018, 1711.08229, equation 1), so its resolution is finer than
    a pixel.

    A point outside its map, for example after a shift, counts as missing in the loss and the
    metrics.

    Args:
        points: see `Keypoints`.
        sigma: standard deviation of the Gaussian, in pixels of the map.
        stride: pixels of the image on one side of a pixel of the map; 1 for `DenseHead`, whose maps
            are as large as the image.
        reference: see `Keypoints`.
        sigmas: see `Keypoints`.
        area: see `Keypoints`.
        head: class that computes maps from the encoder's, called with their form and the number of
            points.
        weight: see `Task`.
        headline: see `Task`.
        counts: see `Task`.
        teaches: see `Task`.
    """

    def __init__(
        self,
        points: int | Sequence[str],
        sigma: float = 1.0,
        stride: float = 1.0,
        reference: float | Sequence[str] | None = None,
        sigmas: Sequence[float] | None = None,
        area: float | None = None,
        head: MapHeadCallable = DenseHead,
        weight: float = 1.0,
        headline: str | None = None,
        counts: bool = True,
        teaches: float = 1.0,
    ) -> None:
        super().__init__(
            points,
            reference,
            sigmas,
            area,
            "none",
            weight=weight,
            headline=headline,
            counts=counts,
            teaches=teaches,
        )
        for name, value in (("sigma", sigma), ("stride", stride)):
            if not 0 < value < math.inf:
                raise InputError(f"{name} is {value}; give a number of pixels, above 0")
        self.sigma, self.stride = sigma, stride
        self.take_head(head)

    @property
    def out_features(self) -> int:
        return len(self.points)

    def build_head(self, form: Form) -> nn.Module:
        return self.head(form, len(self.points))

    def _each(self, output: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
        """The loss of each point, 0 if it is missing, and which are known; ``[batch, points]``."""
        points = self._inside(output, target).unflatten(1, (-1, 2))
        known = missing_labels.known(points).all(2)
        logs = _log_softmax(output)
        down, across = self._gaussian(logs, torch.where(known.unsqueeze(2), points, 0))
        # The Gaussian is the product of one along each side, so it is never computed as a map.
        losses = -(torch.einsum("bphw,bpw->bph", logs, across) * down).sum(2)
        return torch.where(known, losses, 0.0).to(output.dtype), known

    def _gaussian(self, maps: Tensor, points: Tensor) -> tuple[Tensor, Tensor]:
        """Shares of rows ``[batch, points, height]`` and of columns ``[batch, points, width]``."""
        columns, rows = self._places(maps)
        x, y = points.to(maps.dtype).unbind(2)
        width = self.sigma * self.stride
        return tuple(  # type: ignore[return-value]
            (-0.5 * ((at - place.unsqueeze(2)) / width).square()).softmax(2)
            for at, place in ((rows, y), (columns, x))
        )

    def _places(self, maps: Tensor) -> tuple[Tensor, Tensor]:
        """The centres of columns and of rows, in pixels of the image."""
        height, width = maps.shape[2:]
        return tuple(  # type: ignore[return-value]
            (torch.arange(size, device=maps.device, dtype=maps.dtype) + 0.5) * self.stride
            for size in (width, height)
        )

    def _inside(self, output: Tensor, target: Tensor) -> Tensor:
        """The targets ``[batch, 2 * points]``, float32, NaN for points outside their maps."""
        if output.ndim != 4 or output.shape[1] != len(self.points):
            raise InputError(
                f"its head returns shape {list(output.shape)}, but heat maps have shape [batch, "
                f"{len(self.points)}, height, width]; choose a head of maps, such as DenseHead"
            )
        points = self._rows(target).float().unflatten(1, (-1, 2))
        height, width = output.shape[2:]
        x, y = points.unbind(2)
        inside = (x >= 0) & (x < width * self.stride) & (y >= 0) & (y < height * self.stride)
        return points.masked_fill(~inside.unsqueeze(2), torch.nan).flatten(1)

    def loss_group(self) -> None:
        return None

    def predict(self, output: Tensor) -> Tensor:
        """Points in pixels of the image, ``[batch, 2 * points]``."""
        likely = _log_softmax(output).exp()
        columns, rows = self._places(likely)
        x, y = (likely.sum(2) * columns).sum(2), (likely.sum(3) * rows).sum(2)
        return torch.stack([x, y], 2).flatten(1)

    def explained_output(self, output: Tensor) -> Tensor:
        """The distance of each coordinate from the mean of the training targets."""
        return self.predict(output) - self.trivial

    def distance(self, output: Tensor, kept: Tensor, temperature: float) -> Tensor | None:
        """The Kullback-Leibler divergence from the older maps."""
        if self.pool() is None:
            return None
        logs, before = _log_softmax(output), _log_softmax(kept)
        return (before.exp() * (before - logs)).sum((2, 3)).mean(1).clamp_min(0)

    def fit_calibration(
        self, output: Tensor, target: Tensor, level: float
    ) -> dict[str, Any] | None:
        return super().fit_calibration(output, self._inside(output, target), level)

    def missing_target(self, output: Tensor) -> Tensor:
        return torch.full(
            (len(output), self.size), torch.nan, dtype=self.mean.dtype, device=output.device
        )

    def trivial_output(self, output: Tensor) -> Tensor:
        columns, rows = self._places(output.float())
        x, y = self.trivial.unflatten(0, (-1, 2)).unbind(1)
        width = self.sigma * self.stride
        across, down = (
            ((at - place.unsqueeze(1)) / width).square() for at, place in ((columns, x), (rows, y))
        )
        logs = -0.5 * (down.unsqueeze(2) + across.unsqueeze(1))
        return logs.to(output.dtype).expand_as(output)

    def pool(self) -> NumberPool | None:
        # The raw outputs of a subclass's own predictions are not known.
        return HeatMapPool(self) if type(self).predict is HeatMaps.predict else None

    def update_metrics(self, metrics: MetricCollection, output: Tensor, target: Tensor) -> None:
        super().update_metrics(metrics, output, self._inside(output, target))

    def column_names(self, name: str) -> list[str]:
        return list(self.columns(name, torch.zeros(1, self.size)))


class HeatMapPool(NumberPool):
    """Pools heat maps by the mean of the members' softmax, and so of their predictions.

    ``deviation`` is the standard deviation of the members' predictions, in pixels.

    Args:
        task: the ensemble's task.
    """

    def __init__(self, task: HeatMaps) -> None:
        super().__init__(task)
        self._total: Tensor | None = None

    def add(self, member: Regression, output: Tensor) -> None:
        self.take(member.predict(output))
        logs = _log_softmax(output)
        self._total = logs if self._total is None else torch.logaddexp(self._total, logs)

    def output(self) -> Tensor:
        assert self._total is not None
        return self._total - math.log(self.count)


def _log_softmax(output: Tensor) -> Tensor:
    """Log-softmax over each map, float32; the shape of the output."""
    return output.float().flatten(2).log_softmax(2).view_as(output)
