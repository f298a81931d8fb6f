"""Methods with a preference for tasks."""

from __future__ import annotations

import numpy as np
from torch import Tensor

from multitask.balancing.weightings.base import GramianWeighting
from multitask.errors import InputError


class PreferenceWeighting(GramianWeighting):
    """A weighting that starts from a preferred combination of the tasks.

    Args:
        pref_vector: weight of each task, shape ``[tasks]``; default: equal weights.

    Raises:
        InputError: if it is not a vector of finite numbers, or, when weights are computed, does not
            have one entry for each task.
    """

    def __init__(self, pref_vector: Tensor | None = None) -> None:
        super().__init__()
        if pref_vector is not None and (pref_vector.ndim != 1 or not pref_vector.isfinite().all()):
            raise InputError(
                f"pref_vector of {type(self).__name__} must be a vector of finite numbers, one for "
                f"each task, not {pref_vector.tolist()}"
            )
        self.pref_vector = pref_vector

    def preference(self, tasks: int) -> np.ndarray:
        """The preferred weights, shape ``[tasks]``, float64; default: those of the mean."""
        if self.pref_vector is None:
            return np.full(tasks, 1 / tasks)
        if len(self.pref_vector) != tasks:
            raise InputError(
                f"pref_vector of {type(self).__name__} has {len(self.pref_vector)} entries for "
                f"{tasks} tasks; give it one entry for each task"
            )
        return self.pref_vector.detach().cpu().double().numpy()
