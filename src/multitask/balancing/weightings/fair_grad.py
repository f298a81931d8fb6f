"""Alpha-fair weights, which share the gain of a step fairly between tasks."""

from __future__ import annotations

import math

import numpy as np

from multitask.balancing.weightings.base import GramianWeighting
from multitask.balancing.weightings.min_norm import norms

# If a positive combination of gradients vanishes (two opposite ones), there is no solution, and
# close to that the weights are unbounded; with this floor Nash's weights stay below 1e4 over the
# length of the gradient.
SMALLEST_EIGENVALUE = 1e-8
MAX_STEPS = 200


class FairGrad(GramianWeighting):
    """Maximizes the alpha-fair utility of the tasks' gains: ``G w = w^(-1 / alpha)``.

    Ban and Ji (2024, arXiv 2402.15638), equation 4. It is solved as the minimum of a strictly
    convex function by Newton's method. If the Gramian of the gradients' directions has an
    eigenvalue below `SMALLEST_EIGENVALUE`, its diagonal is raised by the difference, so that there
    is always a solution; other Gramians are not changed. The equation defines the length, which is
    kept.

    Args:
        alpha: type of fairness, positive. Near 0 all weights are equal; 1 is proportional fairness,
            which is Nash-MTL; large values favour the task with the smallest gain. Far from 1,
            gradients whose lengths differ by many powers of ten reduce accuracy.

    Raises:
        ValueError: if ``alpha`` is not positive.
        SolverError: if the Gramian is not square or not finite, or Newton's method does not
            converge.
    """

    defines_length = True

    def __init__(self, alpha: float = 2.0) -> None:
        super().__init__()
        if not 0 < alpha < math.inf:
            raise ValueError(f"alpha of {type(self).__name__} must be positive, not {alpha}")
        self.alpha = alpha

    def solve(self, gramian: np.ndarray) -> np.ndarray:
        power = 1 / self.alpha
        lengths = norms(gramian)
        # The solution without any inner products between tasks; the rest is a factor of order 1.
        alone = lengths ** (-2 / (1 + power))
        target = alone ** ((1 - power) / 2)
        return alone * self._newton(cosines_of(gramian, lengths), target, power)

    def _newton(self, cosines: np.ndarray, target: np.ndarray, power: float) -> np.ndarray:
        """Solve ``cosines @ (target * b) == target * b^-power`` for positive ``b``."""
        b = np.ones(len(target))
        for _ in range(MAX_STEPS):
            slope = cosines @ (target * b) - target * b**-power
            curvature = cosines + np.diag(power * b ** (-power - 1))
            step = np.linalg.solve(curvature, -slope) / target
            change = np.abs(step / b).max()
            # Newton's steps approach the solution from below; from above they may pass zero.
            b = b + min(1.0, 0.9 / max((-step / b).max(), 0.9)) * step
            # Each step squares the error: after this one it is about 1e-8.
            if change < 1e-4:
                return b
        raise self.error(
            f"did not converge in {MAX_STEPS} Newton steps; its last one still changed a weight by "
            f"the fraction {change:.1e}, for the cosines {cosines.tolist()}"
        )


def cosines_of(gramian: np.ndarray, lengths: np.ndarray) -> np.ndarray:
    """Cosines between the gradients, with the diagonal raised as described in `FairGrad`."""
    cosines = gramian / np.outer(lengths, lengths)
    # A task without a gradient would otherwise get an infinite weight.
    np.fill_diagonal(cosines, 1.0)
    missing = max(0.0, SMALLEST_EIGENVALUE - np.linalg.eigvalsh(cosines)[0])
    return cosines + missing * np.eye(len(cosines))
