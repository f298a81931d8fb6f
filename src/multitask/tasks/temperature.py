"""The temperature of a classification, fitted to labelled samples."""

from __future__ import annotations

import math

from torch import Tensor

from multitask.errors import InputError

LOWEST, HIGHEST = 0.02, 50.0
"""Outside this range the loss has no minimum: all samples are right, or all are wrong."""
HALVINGS = 50
OF_ZERO = -103.0
"""The logarithm of the smallest number of single precision, for a pooled probability of 0."""


def fitted_temperature(logits: Tensor, label: Tensor) -> float:
    """Find the temperature with the smallest negative log-likelihood (Guo et al., 2017).

    The loss is convex in ``1 / T`` ("On Calibration of Modern Neural Networks", 1706.04599, section
    4.2), so its derivative changes sign only once, and bisection finds the minimum.

    Args:
        logits: shape ``[samples, classes]``.
        label: classes, ``[samples]``, int64; at least one sample.

    Returns:
        T, the divisor of the logits.

    Raises:
        InputError: if no temperature is optimal, or a logit is NaN or infinite.
    """
    double = logits.double() - logits.double().amax(1, keepdim=True)
    if not double.nan_to_num(neginf=0.0, nan=math.inf).isfinite().all():
        raise InputError("its outputs are not finite; use an earlier checkpoint")
    double = double.nan_to_num(neginf=OF_ZERO)
    right = double.gather(1, label.unsqueeze(1)).squeeze(1)

    def slope(inverse: float) -> float:
        expected = ((double * inverse).softmax(1) * double).sum(1)
        return float((expected - right).mean())

    low, high = math.log(1 / HIGHEST), math.log(1 / LOWEST)
    share = f"{float((right == 0).double().mean()):.0%} of its {len(label):,} labels"
    if slope(math.exp(low)) >= 0:
        raise InputError(
            f"{share} are predicted correctly, and its probabilities are not informative for the "
            "others, so there is no best temperature; train it longer, or exclude the task"
        )
    if slope(math.exp(high)) <= 0:
        raise InputError(
            f"{share} are predicted correctly, so there is no best temperature; fit it to more "
            "samples that were not used for training, or exclude the task"
        )
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        low, high = (low, middle) if slope(math.exp(middle)) > 0 else (middle, high)
    return math.exp(-(low + high) / 2)
