"""Auxiliary gradients weighted by their similarity to the primary tasks' gradient."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import torch

from multitask.balancing.weightings.base import GramianWeighting
from multitask.errors import InputError, nearest


class GradientSimilarity(GramianWeighting):
    """Uses an auxiliary task only while its gradient does not oppose the primary tasks'.

    Du et al. (2018, arXiv 1812.02224): a primary task has weight 1. The weight of another task
    depends on the cosine of its gradient with the sum of the primary tasks': in the unweighted
    version it is 1 if the cosine is 0 or more, and 0 if it is negative; in the weighted version it
    is the cosine, but at least 0. The length is kept: without a conflict the step equals plain
    training's.

    In a batch without a gradient of any primary task there is no reference: the others keep their
    last weights, initially 1.

    Args:
        primary: names of the primary tasks.
        weighted: whether an auxiliary task is weighted by the cosine.

    Raises:
        InputError: if ``primary`` is empty or contains an unknown task.
        SolverError: if the Gramian is not square or not finite.
    """

    defines_length = True
    sees_conflicts = True

    def __init__(self, primary: Sequence[str], weighted: bool = False) -> None:
        super().__init__()
        if isinstance(primary, str):
            raise InputError(
                f"GradientSimilarity: primary is '{primary}'; give a list: ['{primary}']"
            )
        if not primary:
            raise InputError(
                "GradientSimilarity: primary is empty; list the tasks that matter in the end"
            )
        self.primary, self.weighted = list(primary), weighted
        # Columns, `[tasks, 1]`: a row that sums to 1 would be rescaled while a task is absent.
        self.is_primary = torch.zeros(0, 1, dtype=torch.bool)
        self.last = torch.zeros(0, 1, dtype=torch.float64)

    def take_names(self, tasks: list[str]) -> None:
        for name in self.primary:
            if name not in tasks:
                raise InputError(
                    f"GradientSimilarity: primary names '{name}', which is not a task"
                    f"{nearest(name, tasks)}"
                )
        self.is_primary = torch.tensor([[name in self.primary] for name in tasks])
        self.last = torch.ones(len(tasks), 1, dtype=torch.float64)

    def check_teaches(self, teaches: Mapping[str, float]) -> None:
        if not any(teaches[name] for name in self.primary):
            raise InputError(
                f"GradientSimilarity: teaches is 0 for the primary task '{self.primary[0]}', whose "
                "gradient the others are compared with; let it teach, or name another task"
            )

    def solve(self, gramian: np.ndarray) -> np.ndarray:
        primary, last = self.is_primary[:, 0].cpu().numpy(), self.last[:, 0].cpu().numpy()
        if len(primary) != len(gramian):
            raise self.error(f"expects {len(primary)} tasks, but the Gramian has {len(gramian)}")
        square = gramian[np.ix_(primary, primary)].sum()
        if square <= 0:
            return last
        lengths = np.sqrt(gramian.diagonal() * square)
        cosines = np.divide(
            gramian[:, primary].sum(1), lengths, out=np.zeros(len(gramian)), where=lengths > 0
        )
        helps = np.clip(cosines, 0, 1) if self.weighted else (cosines >= 0).astype(np.float64)
        weights = np.where(primary, 1.0, helps)
        self.last = torch.from_numpy(weights)[:, None]
        return weights
