"""Metrics of intervals and standard deviations, computed for each number."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping

import torch
from torch import Tensor

from multitask.tasks.sample_means import EntryMean, EntryShare

LEVEL = 0.9
"""Default share of the values that an interval should cover."""
METRICS = {"nll": EntryMean, "coverage": EntryShare, "interval_width": EntryMean}


def interval_entries(
    prediction: Tensor, uncertainty: Mapping[str, Tensor], target: Tensor
) -> dict[str, Tensor]:
    """Values of interval metrics for each number; those of missing targets do not count.

    Args:
        prediction: in original units, shape ``[rows, size]``.
        uncertainty: see `multitask.tasks.Task.uncertainty`, each of that shape.
        target: same shape, NaN where missing.

    Returns:
        Those that ``uncertainty`` allows, of the same shape: ``nll``, the negative log-likelihood
        of a normal distribution, in nats for original units; ``coverage``, 1 if the target lies in
        the interval, else 0; ``interval_width``, in original units.
    """
    found: dict[str, Tensor] = {}
    if "deviation" in uncertainty:
        deviation = uncertainty["deviation"]
        # If all errors were 0, the deviation is 0, and the result must stay finite.
        deviation = deviation.clamp_min(torch.finfo(deviation.dtype).tiny)
        square = ((target - prediction) / deviation).square()
        found["nll"] = 0.5 * (square + math.log(2 * math.pi)) + deviation.log()
    if "low" in uncertainty and "high" in uncertainty:
        low, high = uncertainty["low"], uncertainty["high"]
        found["coverage"] = ((low <= target) & (target <= high)).to(prediction.dtype)
        found["interval_width"] = high - low
    return found


def interval_metrics(entries: Iterable[str], has_trivial: bool) -> dict[str, EntryMean]:
    """Create new metrics, the mean of each entry.

    Args:
        entries: names of entries that `interval_entries` returns.
        has_trivial: whether the trivial predictor, which sees no input, has an interval too.
    """
    return {name: METRICS[name](name, has_trivial) for name in entries}
