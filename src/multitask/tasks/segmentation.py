"""One of several classes for each pixel."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn
from torchmetrics import MetricCollection

from multitask import missing_labels
from multitask.encoders.forms import Form
from multitask.errors import InputError
from multitask.heads import DenseHead
from multitask.tasks.base import Cell, Column, MapHeadCallable
from multitask.tasks.class_weights import ClassWeights
from multitask.tasks.classification import Classification
from multitask.tasks.confusion import MeanIoU, ShareRight
from multitask.tasks.pixels import check_same_size, pixels_of
from multitask.tasks.shown_maps import ShownMaps

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MOST_IN_PNG = 256
"""Number of classes that fit in a byte of a PNG file."""


class Segmentation(Classification):
    """Predict one of ``num_classes`` classes for each pixel.

    Targets have shape ``[batch, height, width]``, dtype int64, from 0 to ``num_classes - 1``, -100
    at missing pixels; raw outputs have shape ``[batch, num_classes, height, width]``. The loss is
    the cross entropy, averaged over the known pixels of the global batch. Predictions are
    probabilities, ``[batch, num_classes, height, width]``.

    Metrics, over all known pixels of the split: ``iou`` (mean intersection over union) and
    ``accuracy``.

    Args:
        num_classes: see `Classification`.
        classes: see `Classification`.
        label_smoothing: see `Classification`.
        class_weights: see `Classification`; ``balanced`` counts pixels.
        loss: see `Classification`; receives one row for each pixel.
        head: class that computes maps from the encoder's, called with their form and the number of
            classes.
        weight: see `Task`.
        headline: see `Task`.
        counts: see `Task`.
        effective_number: see `Classification`.
        teaches: see `Task`.
    """

    headline = "iou"

    def __init__(
        self,
        num_classes: int,
        classes: Sequence[str] | None = None,
        label_smoothing: float = 0.0,
        class_weights: ClassWeights = None,
        loss: nn.Module | None = None,
        head: MapHeadCallable = DenseHead,
        weight: float = 1.0,
        headline: str | None = None,
        counts: bool = True,
        effective_number: float | None = None,
        teaches: float = 1.0,
    ) -> None:
        super().__init__(
            num_classes,
            classes,
            label_smoothing,
            class_weights,
            loss,
            weight=weight,
            headline=headline,
            counts=counts,
            effective_number=effective_number,
            teaches=teaches,
        )
        self.take_head(head)

    def build_head(self, form: Form) -> nn.Module:
        return self.head(form, self.num_classes)

    def check(self, name: str, targets: Tensor, split: str) -> None:
        if targets.ndim != 3 or targets.is_floating_point():
            raise InputError(
                f"task '{name}': its {split} targets are {targets.dtype} of shape "
                f"{list(targets.shape)}; a segmentation needs a class number for each pixel, int64 "
                "of shape [samples, height, width], such as those of a table's ClassMap column"
            )
        super().check(name, missing_labels.unpacked(targets).flatten(), split)

    def loss(self, output: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
        check_same_size(output, target)
        if self.criterion is not None:
            return super().loss(pixels_of(output), target.flatten())
        return super().loss(output, target)

    def loss_group(self) -> None:
        return None

    def uncertainty(self, output: Tensor) -> dict[str, Tensor]:
        """The entropy in nats, averaged over the pixels of an image."""
        found = super().uncertainty(output)
        return {name: values.flatten(1).mean(1) for name, values in found.items()}

    def fit_calibration(
        self, output: Tensor, target: Tensor, level: float
    ) -> dict[str, Any] | None:
        return super().fit_calibration(pixels_of(output), target.flatten(), level)

    def trivial_output(self, output: Tensor) -> Tensor:
        return super().trivial_output(output.movedim(1, -1)).movedim(-1, 1)

    def metrics(self) -> MetricCollection:
        found = {"iou": MeanIoU(self.num_classes), "accuracy": ShareRight(self.num_classes)}
        # Both use the same confusion matrix.
        return MetricCollection(found, compute_groups=[["iou", "accuracy"]])  # type: ignore[arg-type]

    def update_metrics(self, metrics: MetricCollection, output: Tensor, target: Tensor) -> None:
        known = missing_labels.known(target)
        if known.any():
            metrics.update(output.argmax(1)[known], target[known])

    def columns(self, name: str, prediction: Tensor) -> dict[str, Column]:
        return {}

    def column_names(self, name: str) -> list[str]:
        return [name]

    def save(self, folder: Path, names: Sequence[str], prediction: Tensor) -> dict[str, list[str]]:
        """Write class numbers as PNG, or as ``.npy`` if there are more than 256 classes."""
        folder.mkdir(parents=True, exist_ok=True)
        in_png = self.num_classes <= MOST_IN_PNG
        paths = [folder / f"{name}.{'png' if in_png else 'npy'}" for name in names]
        for path, numbers in zip(paths, prediction.argmax(1).cpu().numpy(), strict=True):
            if in_png:
                Image.fromarray(numbers.astype(np.uint8)).save(path)
            else:
                np.save(path, numbers)
        return {folder.name: [str(path) for path in paths]}

    def side_by_side(self, prediction: Tensor, target: Tensor) -> dict[str, list[Cell]]:
        return {}

    def caption(self, value: Tensor) -> str:
        return ""

    def picture(self, prediction: Tensor) -> Tensor:
        return prediction.argmax(1)

    def shown_maps(self, prediction: Tensor, target: Tensor) -> ShownMaps:
        """The most probable classes; an error is 1 minus the probability of the true class."""
        known = missing_labels.known(target)
        true = target.where(known, 0).unsqueeze(1)
        error = (1 - prediction.gather(1, true).squeeze(1)).where(known, torch.nan)
        numbers = target.float().where(known, torch.nan), prediction.argmax(1).float()
        words = "1 - probability of the true class"
        return ShownMaps(*numbers, error, error_what=words, classes=self.classes)

    def draw(self, axes: Axes, prediction: Tensor, target: Tensor) -> bool:
        return super().draw(axes, pixels_of(prediction), target.flatten())
