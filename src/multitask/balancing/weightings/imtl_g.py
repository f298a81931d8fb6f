"""A step with equal projections on all tasks' gradients."""

from __future__ import annotations

import numpy as np

from multitask.balancing.weightings.base import GramianWeighting
from multitask.balancing.weightings.min_norm import norms


class IMTLG(GramianWeighting):
    """Impartial multi-task learning: ``G w`` proportional to ``|g_i|``, ``sum(w) = 1``.

    Liu et al. (2021, ICLR, IMTL), equation 4; for linearly dependent gradients with the
    pseudo-inverse, as defined by Quinton and Rey (2024, arXiv 2406.16232). Weights can be negative.
    They are all zero if they would sum to zero. The balancer rescales the weights instead of
    keeping the length, which the sum of 1 defines.

    Raises:
        SolverError: if the Gramian is not square or not finite.
    """

    def solve(self, gramian: np.ndarray) -> np.ndarray:
        weights = self._proportional(gramian)
        total = weights.sum()
        if abs(total) <= 1e-12 * np.abs(weights).sum():
            return np.zeros_like(weights)
        return weights / total

    def _proportional(self, gramian: np.ndarray) -> np.ndarray:
        lengths = norms(gramian)
        noise = len(gramian) * self.rounding
        values, vectors = np.linalg.eigh(gramian / np.outer(lengths, lengths))
        if values[0] > noise * values[-1]:
            # With cosines, short gradients are not lost in the rounding of long ones.
            return (vectors / values) @ vectors.sum(0) / lengths
        largest = gramian.diagonal().max()
        if not largest > 0:
            return np.ones(len(gramian))
        scaled = gramian / largest
        projections = np.sqrt(np.maximum(scaled.diagonal(), 0))
        return np.linalg.pinv(scaled, rcond=noise, hermitian=True) @ projections
