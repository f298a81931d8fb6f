"""Auxiliary gradients that count as far as they point where the primary task's does."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import torch

from multitask.balancing.weightings.base import GramianWeighting
from multitask.errors import InputError, nearest


class GradientSimilarity(GramianWeighting):
    """Lets an auxiliary task count only while its gradient does not oppose the primary tasks'.

    Du et al. (2018, arXiv 1812.02224): a primary task counts 1; another one counts 1 if the cosine
    of its gradient with the sum of the primary tasks' is 0 or more, and 0 if it is negative (their
    unweighted version), or as much as the cosine, but not less than 0 (their weighted one). The
    length is kept: with no conflict the step is plain training's.

    In a batch without a gradient of any primary task there is nothing to compare with: the others
    count as they last did, 1 at the beginning.

    Args:
        primary: names of the tasks that the others are to help.
        weighted: whether an auxiliary task counts as much as the cosine.

    Raises:
        InputError: if ``primary`` is empty or names a task that there is not.
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
                "GradientSimilarity: primary is empty; name the tasks that count in the end"
            )
        self.primary, self.weighted = list(primary), weighted
        # Columns, `[tasks, 1]`: a row that sums to 1 would be rescaled while a task is gone.
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
                "gradient the others are compared with: let it teach, or name another"
            )

    def solve(self, gramian: np.ndarray) -> np.ndarray:
        primary, last = self.is_primary[:, 0].cpu().numpy(), self.last[:, 0].cpu().numpy()
        if len(primary) != len(gramian):
            raise self.error(f"knows {len(primary)} tasks, and the Gramian is of {len(gramian)}")
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
