"""Gradients moved towards each other until their cosines reach their usual values."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from multitask.balancing.weightings.base import GramianWeighting

TINY = float(np.finfo(np.float64).tiny)


class GradVac(GramianWeighting):
    """Gradient vaccine: PCGrad with a moving average of each pair's cosine as the target.

    Wang et al. (2021, arXiv 2010.05874), equations 2 and 3. The order is random for each gradient,
    drawn with torch's CPU generator. A task without a gradient keeps its averages. The length is
    kept: if all cosines are at their targets, the step equals plain training's.

    Args:
        beta: weight of the newest cosine in the average, from 0 to 1.
        eps: added to denominators, for gradients of mean squared length 1; not negative.

    Attributes:
        phi: the averages of the cosines, shape ``[tasks, tasks]``, float64, on the CPU; None before
            the first step. They restart from 0 when the number of tasks changes.

    Raises:
        ValueError: if ``beta`` or ``eps`` is out of range.
        SolverError: if the Gramian is not square or not finite.
    """

    defines_length = True
    phi: Tensor | None

    def __init__(self, beta: float = 0.5, eps: float = 1e-8) -> None:
        super().__init__()
        if not 0 <= beta <= 1:
            raise ValueError(f"beta of GradVac must be from 0 to 1, not {beta}")
        if not eps >= 0:
            raise ValueError(f"eps of GradVac must not be negative, not {eps}")
        self.beta, self.eps = beta, eps
        self.phi = None

    def solve(self, gramian: np.ndarray) -> np.ndarray:
        mean = gramian.diagonal().mean()
        scaled = gramian / mean if mean > 0 else gramian
        tasks, orders = np.arange(len(gramian)), _orders(len(gramian))
        averages = self._averages(len(tasks))
        pairs = (tasks[:, None], orders)
        weights, cosines = self._vaccinated(scaled, orders, averages[pairs])
        seen = gramian.diagonal() > 0
        known = seen[:, None] & seen[orders]
        moved = (1 - self.beta) * averages[pairs] + self.beta * cosines
        averages[pairs] = np.where(known, moved, averages[pairs])
        self.phi = torch.from_numpy(averages)
        return weights

    def _averages(self, tasks: int) -> np.ndarray:
        if self.phi is None or len(self.phi) != tasks:
            return np.zeros((tasks, tasks))
        return self.phi.to("cpu", torch.float64).numpy().copy()

    def _vaccinated(
        self, gramian: np.ndarray, orders: np.ndarray, targets: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Add to each gradient the others, in their order, to raise its cosines to the targets.

        Args:
            gramian: shape ``[tasks, tasks]``, for gradients of mean squared length 1.
            orders: for each task the others, shape ``[tasks, tasks - 1]``.
            targets: the target cosines with them, same shape.

        Returns:
            The weights, shape ``[tasks]``, and the cosines at each comparison, shape of the
            targets.
        """
        tasks = np.arange(len(gramian))
        lengths = np.sqrt(np.maximum(gramian.diagonal(), 0))[orders]
        target_sines, cosines = _sines(targets), np.zeros_like(targets)
        room = lengths * target_sines + self.eps
        # Row i: the coefficients of gradient i so far, and its products with the original ones. All
        # rows take a step at once.
        coefficients, products = np.eye(len(tasks)), gramian.copy()
        for turn, others in enumerate(orders.T):
            own = np.sqrt(np.maximum(np.einsum("ij,ij->i", products, coefficients), 0))
            cosine = products[tasks, others] / np.maximum(own * lengths[:, turn] + self.eps, TINY)
            lack = targets[:, turn] * _sines(cosine) - cosine * target_sines[:, turn]
            low = (cosine < targets[:, turn]) & (lengths[:, turn] > 0)
            added = np.where(low, own * lack / np.maximum(room[:, turn], TINY), 0.0)
            coefficients[tasks, others] += added
            products += added[:, None] * gramian[others]
            cosines[:, turn] = cosine
        return coefficients.sum(0), cosines


def _sines(cosines: np.ndarray) -> np.ndarray:
    return np.sqrt(np.maximum(1 - cosines * cosines, 0))


def _orders(tasks: int) -> np.ndarray:
    """For each task the others in random order, shape ``[tasks, tasks - 1]``."""
    drawn = np.stack([torch.randperm(tasks - 1, device="cpu").numpy() for _ in range(tasks)])
    # Position p among the others is task p, or task p + 1 from the task itself on.
    return drawn + (drawn >= np.arange(tasks)[:, None])
