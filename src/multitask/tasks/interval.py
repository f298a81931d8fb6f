"""How good intervals and standard deviations are: what is measured of each number."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping

import torch
from torch import Tensor

from multitask.tasks.sample_means import EntryMean, EntryShare

LEVEL = 0.9
"""Share of the values that an interval is to cover, if nobody says otherwise."""
METRICS = {"nll": EntryMean, "coverage": EntryShare, "interval_width": EntryMean}


def interval_entries(
    prediction: Tensor, uncertainty: Mapping[str, Tensor], target: Tensor
) -> dict[str, Tensor]:
    """What is found for each number; what a missing target makes of it does not count.

    Args:
        prediction: in original units, shape ``[rows, size]``.
        uncertainty: see `multitask.tasks.Task.uncertainty`, each of that shape.
        target: likewise, NaN where missing.

    Returns:
        As far as ``uncertainty`` tells, of the same shape: ``nll``, the negative log-likelihood of
        a normal distribution, in nats for original units; ``coverage``, 1 if the target lies in the
        interval, else 0; ``interval_width``, in original units.
    """
    found: dict[str, Tensor] = {}
    if "deviation" in uncertainty:
        deviation = uncertainty["deviation"]
        # A deviation of 0, of errors that were all 0, stays a number.
        deviation = deviation.clamp_min(torch.finfo(deviation.dtype).tiny)
        square = ((target - prediction) / deviation).square()
        found["nll"] = 0.5 * (square + math.log(2 * math.pi)) + deviation.log()
    if "low" in uncertainty and "high" in uncertainty:
        low, high = uncertainty["low"], uncertainty["high"]
        found["coverage"] = ((low <= target) & (target <= high)).to(prediction.dtype)
        found["interval_width"] = high - low
    return found


def interval_metrics(entries: Iterable[str], has_trivial: bool) -> dict[str, EntryMean]:
    """New metrics: the mean of each entry.

    Args:
        entries: names, of those that `interval_entries` gives.
        has_trivial: whether the predictor that sees no input has an interval of its own.
    """
    return {name: METRICS[name](name, has_trivial) for name in entries}
