"""Metrics of reconstructed images."""

from __future__ import annotations

from torch import Tensor

from multitask.tasks.pixel_mean import PixelMean


class PeakSignalToNoise(PixelMean):
    """Ratio of the maximum possible value to the root mean square error, in decibels.

    ``10 log10(range^2 / mean squared error)``, with the mean over all known pixels of the split;
    higher is better, infinite if there is no error.

    Args:
        value_range: difference between the largest and the smallest possible value.
    """

    higher_is_better = True

    def __init__(self, value_range: float) -> None:
        super().__init__()
        self.value_range = value_range

    def compute(self) -> Tensor:
        """The ratio, a scalar; NaN without a pixel."""
        return 10 * (self.value_range**2 * self.count / self.total).log10().float()
