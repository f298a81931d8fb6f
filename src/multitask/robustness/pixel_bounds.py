"""The range of pixels in a model's images."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor, nn
from torchvision.transforms import v2

from multitask.errors import InputError

ROOM = 0.5
"""Tolerance for pixels beyond black and white, as interpolation may create them."""


class PixelBounds:
    """Converts a model's images to pixels from 0 (black) to 1 (white), and back.

    Args:
        mean: mean of each channel, in pixels.
        deviation: standard deviation of each channel, in pixels; a pixel is a value times this,
            plus the mean.
    """

    def __init__(self, mean: Tensor | float = 0.0, deviation: Tensor | float = 1.0) -> None:
        self.mean, self.deviation = (
            torch.as_tensor(each, dtype=torch.float32).reshape(-1, 1, 1)
            for each in (mean, deviation)
        )
        self._are_pixels = not self.mean.any() and bool((self.deviation == 1).all())

    @classmethod
    def of(cls, transforms: Iterable[nn.Module]) -> PixelBounds:
        """The bounds after the transforms of data.

        Args:
            transforms: the transforms from images from 0 to 1 to the model's input, such as
                ``DataModule.transforms``.

        Raises:
            InputError: if one of them is not a `torchvision.transforms.v2.Normalize`, so that the
                resulting range of pixels is not known.
        """
        found = cls()
        for each in transforms:
            if isinstance(each, nn.Identity | v2.Identity):
                continue
            if not isinstance(each, v2.Normalize):
                raise InputError(
                    f"data.transforms has {type(each).__name__}, after which an attack does not "
                    "know the range of a pixel; use torchvision.transforms.v2.Normalize alone"
                )
            mean, deviation = cls(torch.tensor(each.mean), torch.tensor(each.std)).parts
            found = cls(found.mean + found.deviation * mean, found.deviation * deviation)
        return found

    @property
    def parts(self) -> tuple[Tensor, Tensor]:
        """Mean and standard deviation, each of shape ``[channels, 1, 1]``."""
        return self.mean, self.deviation

    def pixels(self, images: Tensor) -> Tensor:
        """Convert a model's images to pixels.

        Args:
            images: shape ``[batch, channels, height, width]``, floating.

        Returns:
            Same shape, at least float32.
        """
        if self._are_pixels:
            return images.to(self._kind(images), copy=True)
        mean, deviation = self._like(images)
        return images * deviation + mean

    def images(self, pixels: Tensor) -> Tensor:
        """Convert pixels to a model's images: the inverse of `pixels`."""
        if self._are_pixels:
            # A model may work in place on its input.
            return pixels.to(self._kind(pixels), copy=True)
        mean, deviation = self._like(pixels)
        return (pixels - mean) / deviation

    def check(self, pixels: Tensor) -> None:
        """Reject images that are not pixels from black to white.

        Args:
            pixels: pixels of any images of the data.

        Raises:
            InputError: reports their range.
        """
        low, high = (float(each) for each in pixels.aminmax())
        if not -ROOM <= low <= high <= 1 + ROOM:
            raise InputError(
                f"the images contain numbers from {low:.3g} to {high:.3g}, but an attack needs "
                "pixels from 0 (black) to 1 (white) before data.transforms"
            )

    def _like(self, values: Tensor) -> tuple[Tensor, Tensor]:
        mean, deviation = (each.to(values.device, self._kind(values)) for each in self.parts)
        # Tensors of inference mode, which Lightning uses for tests, cannot be differentiated.
        return (mean.clone(), deviation.clone()) if mean.is_inference() else (mean, deviation)

    @staticmethod
    def _kind(values: Tensor) -> torch.dtype:
        return torch.promote_types(values.dtype, torch.float32)
