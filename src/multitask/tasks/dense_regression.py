"""Numbers for each pixel, such as a depth."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from torch import Tensor, nn
from torchmetrics import MetricCollection

from multitask import missing_labels
from multitask.encoders.forms import Form
from multitask.errors import InputError, SampleError
from multitask.heads import DenseHead
from multitask.tasks.base import Cell, Column, MapHeadCallable, Task
from multitask.tasks.pixel_mean import PixelMean, PixelRoot
from multitask.tasks.pixels import check_same_size, pixels_of
from multitask.tasks.pooling import NumberPool
from multitask.tasks.r2 import R2
from multitask.tasks.regression import Regression, Scale
from multitask.tasks.shown_maps import ShownMaps

if TYPE_CHECKING:
    from matplotlib.axes import Axes


class DenseRegression(Regression):
    """Predict ``size`` numbers for each pixel.

    Targets have shape ``[batch, height, width]`` or ``[batch, size, height, width]``, floating, NaN
    at missing pixels; raw outputs and predictions have shape ``[batch, size, height, width]``.
    Standardisation, loss and metrics are those of `Regression`, over all known pixels.

    Args:
        size: numbers for each pixel.
        unit: see `Regression`.
        scale: see `Regression`.
        loss: see `Regression`; receives one row for each pixel.
        head: class that computes maps from the encoder's, called with their form and ``size``.
        weight: see `Task`.
        headline: see `Task`.
        counts: see `Task`.
        teaches: see `Task`.
    """

    def __init__(
        self,
        size: int = 1,
        unit: str = "",
        scale: Scale = "element",
        loss: nn.Module | None = None,
        head: MapHeadCallable = DenseHead,
        weight: float = 1.0,
        headline: str | None = None,
        counts: bool = True,
        teaches: float = 1.0,
    ) -> None:
        super().__init__(
            size,
            unit,
            scale,
            loss,
            weight=weight,
            headline=headline,
            counts=counts,
            teaches=teaches,
        )
        self.take_head(head)

    def build_head(self, form: Form) -> nn.Module:
        return self.head(form, self.size)

    def check(self, name: str, targets: Tensor, split: str) -> None:
        is_map = targets.ndim == 4 and targets.shape[1] == self.size
        if not targets.is_floating_point() or not (is_map or (targets.ndim, self.size) == (3, 1)):
            raise InputError(
                f"task '{name}': its {split} targets are {targets.dtype} of shape "
                f"{list(targets.shape)}; a dense regression of size {self.size} needs "
                f"floating-point numbers, NaN where missing, of shape [samples, {self.size}, "
                "height, width]"
            )
        if targets.isinf().any():
            sample = int(targets.isinf().flatten(1).any(1).nonzero()[0])
            raise SampleError(
                name,
                sample,
                f"task '{name}': the target of {split} sample {sample} is infinite; mark such "
                "pixels as missing (NaN)",
            )

    def loss(self, output: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
        check_same_size(output, target)
        return super().loss(pixels_of(output), target)

    def loss_group(self) -> None:
        return None

    def predict(self, output: Tensor) -> Tensor:
        return super().predict(output.movedim(1, -1)).movedim(-1, 1)

    def uncertainty(self, output: Tensor) -> dict[str, Tensor]:
        """Nothing: maps are not calibrated."""
        return {}

    def take_calibration(self, told: Mapping[str, Any] | None) -> None:
        Task.take_calibration(self, told)

    def fit_calibration(self, output: Tensor, target: Tensor, level: float) -> None:
        return None

    def pool(self) -> NumberPool | None:
        # The predictions of a subclass may not be standardised.
        return NumberPool(self) if type(self).predict is DenseRegression.predict else None

    def trivial_output(self, output: Tensor) -> Tensor:
        return super().trivial_output(output.movedim(1, -1)).movedim(-1, 1)

    def metrics(self) -> MetricCollection:
        r2 = R2(self.size, weighted=self.scale == "common")
        found = {"mae": PixelMean(), "rmse": PixelRoot(), "r2": r2}
        return MetricCollection(found, compute_groups=False)  # type: ignore[arg-type]

    def update_metrics(self, metrics: MetricCollection, output: Tensor, target: Tensor) -> None:
        self.count_in(metrics, pixels_of(self.predict(output)), target)

    def count_in(self, metrics: MetricCollection, prediction: Tensor, target: Tensor) -> None:
        target = self._rows(target)
        known = missing_labels.known(target)
        if known.any():
            error = prediction[known] - target[known]
            metrics["mae"].update(error.abs())
            metrics["rmse"].update(error.square())
            # Around a mean, so that units with a large offset do not cancel.
            metrics["r2"].update(prediction - self.centre, target - self.centre)

    @property
    def centre(self) -> Tensor:
        """The trivial predictor's value for each pixel, in original units, shape ``[size]``."""
        return self.trivial

    def columns(self, name: str, prediction: Tensor) -> dict[str, Column]:
        return {}

    def column_names(self, name: str) -> list[str]:
        return [name]

    def save(self, folder: Path, names: Sequence[str], prediction: Tensor) -> dict[str, list[str]]:
        """Write the numbers as ``.npy``, float32, ``[size, height, width]``."""
        folder.mkdir(parents=True, exist_ok=True)
        paths = [folder / f"{name}.npy" for name in names]
        for path, numbers in zip(paths, prediction.float().cpu().numpy(), strict=True):
            np.save(path, numbers)
        return {folder.name: [str(path) for path in paths]}

    def side_by_side(self, prediction: Tensor, target: Tensor) -> dict[str, list[Cell]]:
        return {}

    def caption(self, value: Tensor) -> str:
        return ""

    def picture(self, prediction: Tensor) -> Tensor:
        return prediction

    def shown_maps(self, prediction: Tensor, target: Tensor) -> ShownMaps:
        """The first of the numbers, and the mean absolute error over all of them."""
        target = target if target.ndim == 4 else target.unsqueeze(1)
        error = (prediction - target).abs().mean(1)
        what = f" ({self.unit.strip()})" if self.unit.strip() else ""
        return ShownMaps(target[:, 0], prediction[:, 0], error, self.unit.strip(), f"error{what}")

    def draw(self, axes: Axes, prediction: Tensor, target: Tensor) -> bool:
        return super().draw(axes, pixels_of(prediction), target)

    def _rows(self, target: Tensor) -> Tensor:
        return pixels_of(target if target.ndim == 4 else target.unsqueeze(1))
