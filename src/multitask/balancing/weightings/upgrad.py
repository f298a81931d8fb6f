"""The mean of the gradients, after each is projected to remove conflicts with the others."""

from __future__ import annotations

import numpy as np
from torch import Tensor

from multitask.balancing.weightings.dual_cone import NonNegativeProjector
from multitask.balancing.weightings.preference import PreferenceWeighting


class UPGrad(PreferenceWeighting):
    """Projects each gradient onto the dual cone of all gradients, and combines the projections.

    Quinton and Rey (2024, arXiv 2406.16232), equation 4. The balancer rescales the weights instead
    of keeping the length, so the step equals plain training's if no gradients conflict.

    Args:
        pref_vector: combination of the projections, shape ``[tasks]``; default: their mean.

    Raises:
        InputError: if ``pref_vector`` is not a vector with one finite entry for each task.
        SolverError: if the Gramian is not square, finite and positive semi-definite.
    """

    def __init__(self, pref_vector: Tensor | None = None) -> None:
        super().__init__(pref_vector)
        self.projector = NonNegativeProjector()

    def solve(self, gramian: np.ndarray) -> np.ndarray:
        wanted = np.diag(self.preference(len(gramian)))
        try:
            return self.projector.project(wanted, gramian).sum(0)
        except (RuntimeError, np.linalg.LinAlgError) as reason:
            raise self.error(f"found no projection: {reason}") from reason
