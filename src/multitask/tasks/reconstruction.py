"""Reconstruction of the image from the representation."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from PIL import Image
from torch import Tensor, nn
from torchmetrics import MetricCollection
from torchmetrics.image import StructuralSimilarityIndexMeasure

from multitask import missing_labels
from multitask.errors import InputError
from multitask.heads import DenseHead
from multitask.tasks.base import MapHeadCallable
from multitask.tasks.dense_regression import DenseRegression
from multitask.tasks.image_quality import PeakSignalToNoise
from multitask.tasks.regression import Scale
from multitask.tasks.shown_maps import ShownMaps

if TYPE_CHECKING:
    from matplotlib.axes import Axes

SMALLEST = 11
"""Side of the window in which structures are compared (Wang et al., 2004)."""


class Reconstruction(DenseRegression):
    """Reconstruct the input image.

    Targets have shape ``[batch, channels, height, width]``, floating, NaN at missing pixels. They
    need no column: the setting ``image_as: <name of the task>`` of the data makes targets from the
    images. In training, these are the images as moved by augmentations, but without their other
    changes. If an augmentation alters colours, adds noise or erases parts, the task is to undo that
    (Vincent et al., 2008, "Extracting and Composing Robust Features with Denoising Autoencoders"),
    so the representation cannot just copy the input. Targets do not contain attacks or corruptions
    either. Pixels from outside the image are missing.

    Standardisation and loss are those of `Regression`, over all known pixels. The loss is the
    squared error unless ``loss`` selects another.

    Metrics over the split: ``mae``, ``rmse``, ``r2`` and ``psnr`` (decibels) over all known pixels,
    and ``ssim``, the structural similarity (Wang et al., 2004, "Image Quality Assessment", window
    of 11 pixels), averaged over the images with no missing pixel; it is NaN if images are smaller
    than the window.

    Args:
        channels: number of channels of the image.
        value_range: difference between the largest and the smallest possible value of an image.
        scale: see `Regression`.
        loss: see `DenseRegression`.
        head: see `DenseRegression`.
        weight: see `Task`.
        headline: see `Task`; not ``psnr``, which has no best value.
        counts: see `Task`.
        teaches: see `Task`.

    Raises:
        InputError: if ``value_range`` is not greater than 0, or the headline is ``psnr``.
    """

    def __init__(
        self,
        channels: int = 3,
        value_range: float = 1.0,
        scale: Scale = "element",
        loss: nn.Module | None = None,
        head: MapHeadCallable = DenseHead,
        weight: float = 1.0,
        headline: str | None = None,
        counts: bool = True,
        teaches: float = 1.0,
    ) -> None:
        super().__init__(
            channels,
            scale=scale,
            loss=loss,
            head=head,
            weight=weight,
            headline=headline,
            counts=counts,
            teaches=teaches,
        )
        if not value_range > 0:
            raise InputError(f"value_range is {value_range}; give a number greater than 0")
        if headline == "psnr":
            raise InputError(
                "headline is psnr, which has no best value from which to compute a score; use "
                "r2 or ssim"
            )
        self.value_range = value_range

    def metrics(self) -> MetricCollection:
        found = super().metrics()
        found.add_metrics(
            {
                "psnr": PeakSignalToNoise(self.value_range),
                "ssim": StructuralSimilarityIndexMeasure(data_range=self.value_range),
            }
        )
        return found

    def update_metrics(self, metrics: MetricCollection, output: Tensor, target: Tensor) -> None:
        super().update_metrics(metrics, output, target)
        prediction = self.predict(output)
        known = missing_labels.known(target)
        if known.any():
            metrics["psnr"].update((prediction - target)[known].square())
        whole = known.flatten(1).all(1)
        if whole.any() and min(target.shape[2:]) >= SMALLEST:
            metrics["ssim"].update(prediction[whole].float(), target[whole].float())

    def save(self, folder: Path, names: Sequence[str], prediction: Tensor) -> dict[str, list[str]]:
        """Write pictures as PNG, or numbers as `DenseRegression` does if they are not colours."""
        if self.size not in (1, 3):
            return super().save(folder, names, prediction)
        folder.mkdir(parents=True, exist_ok=True)
        paths = [folder / f"{name}.png" for name in names]
        bytes_of = (255 * prediction / self.value_range).round().clamp(0, 255).byte()
        pixels = bytes_of.movedim(1, -1).cpu().numpy()
        for path, each in zip(paths, pixels, strict=True):
            Image.fromarray(each[:, :, 0] if self.size == 1 else each).save(path)
        return {folder.name: [str(path) for path in paths]}

    def shown_maps(self, prediction: Tensor, target: Tensor) -> ShownMaps:
        """Three channels as colours; otherwise the first channel as numbers."""
        found = super().shown_maps(prediction, target)
        if self.size != 3:
            return found
        top = self.value_range
        return ShownMaps(target / top, prediction / top, found.error)

    def draw(self, axes: Axes, prediction: Tensor, target: Tensor) -> bool:
        """Draw a histogram of the errors."""
        error = (prediction - target)[missing_labels.known(target)]
        axes.hist(error.float().cpu().numpy(), bins=80, density=True)
        axes.set(xlabel="predicted minus true value", ylabel="density")
        return True
