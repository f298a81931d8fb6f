"""Intervals that cover a share of new samples for any model (split conformal prediction)."""

from __future__ import annotations

import math
from fractions import Fraction

from torch import Tensor

from multitask.errors import InputError

DIGITS = 10**9


def conformal_quantile(scores: Tensor, level: float) -> float:
    """The score that a new sample does not exceed with probability ``level`` or more.

    It is the ``ceil((n + 1) level)``-th smallest of n scores (Vovk et al., 2005; Lei et al., 2018,
    1604.04173, section 2.2). It holds for any model if all samples, including the new one, are
    exchangeable and none was used for training.

    Args:
        scores: scores of samples that were not used for training, ``[samples]``.
        level: from 0 to 1.

    Raises:
        InputError: if there are so few scores that the interval would be infinite.
    """
    # As a fraction: 20 x 0.55 is more than 11 in binary floating point.
    share = Fraction(level).limit_denominator(DIGITS)
    rank = math.ceil((len(scores) + 1) * share)
    if rank > len(scores):
        needed = math.ceil(share / (1 - share))
        raise InputError(
            f"an interval for {level:.3g} of the values needs at least {needed:,} labels, but it "
            f"has {len(scores):,}; provide more, or lower the level"
        )
    return float(scores.double().sort().values[max(rank, 1) - 1])


def by_element(scores: Tensor, known: Tensor, level: float) -> list[float]:
    """The quantile of each element of a vector, over the known values of that element.

    Args:
        scores: shape ``[samples, size]``.
        known: which of them count.
        level: see `conformal_quantile`.

    Raises:
        InputError: see `conformal_quantile`, naming the element.
    """
    found = []
    for place in range(scores.shape[1]):
        try:
            found.append(conformal_quantile(scores[known[:, place], place], level))
        except InputError as error:
            if scores.shape[1] == 1:
                raise
            raise InputError(f"element {place} (from 0): {error}") from error
    return found


def root_mean_square(values: Tensor, known: Tensor) -> list[float]:
    """Root mean square of each element of a vector, over its known values; 0 without one.

    Args:
        values: shape ``[samples, size]``.
        known: which of them count.
    """
    squares = values.double().square().where(known, 0).sum(0)
    return (squares / known.sum(0).clamp_min(1)).sqrt().tolist()
