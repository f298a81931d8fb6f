"""Gradients made orthogonal and equally long before they are summed."""

from __future__ import annotations

from typing import Literal, get_args

import numpy as np
from torch import Tensor

from multitask.balancing.weightings.preference import PreferenceWeighting
from multitask.errors import InputError

ScaleMode = Literal["min", "median", "rmse"]


class AlignedMTL(PreferenceWeighting):
    """Independent component alignment: ``w = sqrt(scale) V L^(-1/2) V' p`` for ``G = V L V'``.

    Senushkin et al. (2023, CVPR, Aligned-MTL), algorithm 1. Eigenvalues that are noise in the
    Gramian's dtype are ignored. The balancer rescales the weights instead of keeping the length,
    which vanishes with the smallest eigenvalue.

    Args:
        pref_vector: the combination ``p`` of the aligned gradients, shape ``[tasks]``; default:
            their mean.
        scale_mode: the common squared length of the aligned gradients: the smallest eigenvalue
            (``min``), the lower median (``median``) or the mean (``rmse``).

    Raises:
        InputError: if ``pref_vector`` is not a vector with one finite entry for each task, or the
            scale mode is unknown.
        SolverError: if the Gramian is not square or not finite.
    """

    def __init__(self, pref_vector: Tensor | None = None, scale_mode: ScaleMode = "min") -> None:
        super().__init__(pref_vector)
        if scale_mode not in get_args(ScaleMode):
            raise InputError(
                f"scale_mode of AlignedMTL must be 'min', 'median' or 'rmse', not {scale_mode!r}"
            )
        self.scale_mode = scale_mode

    def solve(self, gramian: np.ndarray) -> np.ndarray:
        preference = self.preference(len(gramian))
        # Only the ratios of the eigenvalues matter.
        values, vectors = np.linalg.eigh(gramian / max(gramian.trace(), np.finfo(float).tiny))
        known = values > values[-1] * len(gramian) * self.rounding
        if not known.any():
            return preference
        values, vectors = values[known], vectors[:, known]
        return vectors * np.sqrt(self._scale(values) / values) @ (vectors.T @ preference)

    def _scale(self, ascending: np.ndarray) -> float:
        if self.scale_mode == "min":
            return float(ascending[0])
        if self.scale_mode == "median":
            return float(ascending[(len(ascending) - 1) // 2])
        return float(ascending.mean())
