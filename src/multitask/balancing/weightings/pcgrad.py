"""Gradients from which conflicting components are removed."""

from __future__ import annotations

import numpy as np
import torch

from multitask.balancing.weightings.base import GramianWeighting
from multitask.balancing.weightings.min_norm import norms


class PCGrad(GramianWeighting):
    """Gradient surgery: removes from each gradient its components against the others, in turn.

    Yu et al. (2020, arXiv 2001.06782), algorithm 1. The order is random for each gradient, drawn
    with torch's CPU generator. The length is kept: without conflicts all weights are 1, and the
    step equals plain training's.

    A task without labels in the batch is not in the Gramian: `GradientBalancer` removes it
    beforehand, and it keeps its last weight.

    Raises:
        SolverError: if the Gramian is not square or not finite.
    """

    defines_length = True

    def solve(self, gramian: np.ndarray) -> np.ndarray:
        tasks = np.arange(len(gramian))
        orders = [torch.randperm(len(tasks), device="cpu").numpy() for _ in tasks]
        squares = norms(gramian) ** 2
        # Row i: the coefficients of gradient i after surgery. All rows take a step at once.
        coefficients = np.eye(len(tasks))
        for others in np.stack(orders, axis=1):
            inner = (gramian[others] * coefficients).sum(1)
            conflict = (inner < 0) & (others != tasks)
            coefficients[tasks, others] -= np.where(conflict, inner / squares[others], 0.0)
        return coefficients.sum(0)
