"""The mean gradient, moved towards the worst-off task within a ball around it."""

from __future__ import annotations

import math
from functools import cache

import numpy as np
from scipy.optimize import brentq

from multitask.balancing.weightings.base import GramianWeighting
from multitask.balancing.weightings.min_norm import factor, min_norm_weights

# Relative to the shortest gradient. The value is torchjd's, but there it is relative to the whole
# Jacobian, so that one task with short gradients stops all.
ON_FRONT = 1e-4


class CAGrad(GramianWeighting):
    """Conflict-averse gradient descent: ``max_d min_i g_i . d`` over ``|d - g_0| <= c |g_0|``.

    Liu et al. (2021, arXiv 2110.14048), equation 3 and algorithm 1: with ``g_0`` the mean gradient
    and ``g_w`` the minimum of ``g_w . g_0 + c |g_0| |g_w|`` over the convex combinations ``g_w``,
    the step is ``g_0 + c |g_0| g_w / |g_w|``. All weights are zero if ``g_w`` vanishes: the
    parameters are on the Pareto front. The balancer rescales the weights instead of keeping the
    length, which grows with ``c``.

    Args:
        c: radius of the ball, relative to ``|g_0|``; not negative. 0 gives the mean gradient.

    Raises:
        ValueError: if ``c`` is negative.
        SolverError: if the Gramian is not square or not finite, or the solver does not converge.
    """

    def __init__(self, c: float = 0.4) -> None:
        super().__init__()
        if not 0 <= c < math.inf:
            raise ValueError(f"c of CAGrad must be a number of at least 0, not {c}")
        self.c = c

    def solve(self, gramian: np.ndarray) -> np.ndarray:
        trace = gramian.trace()
        rows = factor(gramian / trace if trace > 0 else gramian)
        radius = self.c * np.linalg.norm(rows.mean(0))
        mean = np.full(len(rows), 1 / len(rows))
        if radius == 0:
            return mean
        try:
            return _bent(rows, float(radius), mean)
        except RuntimeError as reason:
            raise self.error(f"found no worst combination: {reason}") from reason


def _bent(rows: np.ndarray, radius: float, mean: np.ndarray) -> np.ndarray:
    """Find the length ``n`` of the worst combination, and the weights from it.

    ``|g_w| = min_n (|g_w|^2 / n + n) / 2``, and for a fixed ``n`` the objective is smallest at the
    shortest combination of the rows shifted by ``n / radius`` times their mean. The right ``n`` is
    the length of that combination without its shift.
    """

    center = mean @ rows

    @cache
    def worst(squared_shift: float) -> np.ndarray:
        return min_norm_weights(rows + math.sqrt(squared_shift) * center)

    def excess(squared_shift: float) -> float:
        combination = worst(squared_shift) @ rows
        return float(combination @ combination - radius**2 * squared_shift)

    # In the squared shift, the excess is linear while the same tasks have weight, so a secant
    # method is exact within a few steps. No combination is longer than the trace, 1, but the same
    # length at both ends would leave the sign of the upper end to rounding.
    lengths = np.linalg.norm(rows, axis=1)
    shortest = lengths[lengths > 0].min()
    lowest, highest = (ON_FRONT * shortest / radius) ** 2, 2 / radius**2
    if excess(lowest) <= 0:
        return np.zeros(len(rows))
    shift = brentq(excess, lowest, highest, xtol=1e-12 * lowest, rtol=1e-12)
    weights = worst(shift)
    return mean + radius / np.linalg.norm(weights @ rows) * weights
