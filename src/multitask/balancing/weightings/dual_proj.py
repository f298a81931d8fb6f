"""The mean gradient without its conflicts with the tasks' gradients."""

from __future__ import annotations

import numpy as np
from torch import Tensor

from multitask.balancing.weightings.dual_cone import NonNegativeProjector
from multitask.balancing.weightings.preference import PreferenceWeighting


class DualProj(PreferenceWeighting):
    """Projects the combined gradient onto the dual cone of the tasks' gradients.

    Lopez-Paz and Ranzato (2017, arXiv 1706.08840, GEM), equation 11. The balancer rescales the
    weights instead of keeping the length, so the step equals plain training's if nothing conflicts.

    Args:
        pref_vector: the combination that is projected, shape ``[tasks]``; default: the mean.

    Raises:
        InputError: if ``pref_vector`` is not a vector with one finite entry for each task.
        SolverError: if the Gramian is not square, finite and positive semi-definite.
    """

    def __init__(self, pref_vector: Tensor | None = None) -> None:
        super().__init__(pref_vector)
        self.projector = NonNegativeProjector()

    def solve(self, gramian: np.ndarray) -> np.ndarray:
        try:
            return self.projector.project(self.preference(len(gramian)), gramian)
        except (RuntimeError, np.linalg.LinAlgError) as reason:
            raise self.error(f"found no projection: {reason}") from reason
