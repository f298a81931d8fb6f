"""The shortest convex combination of the gradients."""

from __future__ import annotations

import numpy as np

from multitask.balancing.weightings.base import GramianWeighting
from multitask.balancing.weightings.min_norm import factor, min_norm_weights


class MGDA(GramianWeighting):
    """Multiple-gradient descent: ``min w' G w`` over ``w >= 0, sum(w) = 1``.

    Désidéri (2012), Comptes Rendus Mathématique 350, equation 4; Sener and Koltun (2018, arXiv
    1810.04650), equation 3. It is solved exactly, not by their Frank-Wolfe iteration. The task with
    the shortest gradient dominates. The balancer rescales the weights instead of keeping the
    length, which shrinks with the number of tasks.

    Raises:
        SolverError: if the Gramian is not square or not finite, or the solver does not converge.
    """

    def solve(self, gramian: np.ndarray) -> np.ndarray:
        if len(gramian) == 2:
            return _pair(gramian)
        try:
            return min_norm_weights(factor(gramian))
        except RuntimeError as reason:
            raise self.error(f"found no shortest combination: {reason}") from reason


def _pair(gramian: np.ndarray) -> np.ndarray:
    # Sener and Koltun, algorithm 1.
    (first, inner), (_, second) = gramian
    if inner >= min(first, second):
        # The nearest point is an end of the segment, also if both gradients are the same.
        return np.array([first <= second, first > second], dtype=np.float64)
    shares = np.array([second - inner, first - inner])
    return shares / shares.sum()
