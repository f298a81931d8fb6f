"""The Nash bargaining solution, on which the tasks agree."""

from __future__ import annotations

import math

import numpy as np

from multitask.balancing.weightings.fair_grad import FairGrad, cosines_of
from multitask.balancing.weightings.min_norm import norms


class Nash(FairGrad):
    """Maximizes the product of the tasks' gains in the unit ball: ``G w = 1 / w``.

    Navon et al. (2022, arXiv 2202.01017, Nash-MTL), equation 2; `FairGrad` with ``alpha = 1``. The
    step for ``tasks`` tasks has length ``sqrt(tasks)`` for any units of the losses, and this length
    is kept.

    Args:
        max_norm: maximum length of the step; 0 for no limit.

    Raises:
        ValueError: if ``max_norm`` is negative.
        SolverError: if the Gramian is not square or not finite, or Newton's method does not
            converge.
    """

    def __init__(self, max_norm: float = 0.0) -> None:
        super().__init__(alpha=1.0)
        if not 0 <= max_norm < math.inf:
            raise ValueError(f"max_norm of Nash must be a number of at least 0, not {max_norm}")
        self.max_norm = max_norm

    def solve(self, gramian: np.ndarray) -> np.ndarray:
        weights = _of_two(gramian) if len(gramian) == 2 else super().solve(gramian)
        length = math.sqrt(max(0.0, weights @ gramian @ weights))
        if 0 < self.max_norm < length:
            return weights * (self.max_norm / length)
        return weights


def _of_two(gramian: np.ndarray) -> np.ndarray:
    lengths = norms(gramian)
    return 1 / (lengths * np.sqrt(cosines_of(gramian, lengths)[0].sum()))
