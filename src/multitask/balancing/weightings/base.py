"""The base class of weightings, which map the Gramian of the gradients to weights."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor
from torchjd.aggregation import Weighting

from multitask.checkpoints.recipe import Recorded


class SolverError(RuntimeError):
    """A weighting has no usable result; reports the method and what was found instead."""


class GramianWeighting(Recorded, Weighting[Tensor]):
    """Maps the Gramian ``G = J @ J.T`` of the tasks' gradients ``J`` to weights ``w``.

    The step is ``w @ J``. The weights do not depend on the unit of the loss: a Gramian times any
    positive number gives the same weights or, if the method defines the length of the step, exactly
    scaled ones.

    A weighting never receives tasks without labels in the batch: `GradientBalancer` removes their
    rows and columns from the Gramian, and they keep their last weights.

    Attributes:
        defines_length: whether the step keeps the length that the method defines. If not, the
            caller rescales the weights to sum to the number of tasks, so that the meaning of the
            learning rate does not change. Weights that are all zero, or sum to zero, are also
            valid: the method accepts no direction.
        rounding: the rounding unit of the dtype of the last Gramian; eigenvalues smaller than that
            times the largest one are noise.
    """

    defines_length: bool = False
    rounding: float = float(np.finfo(np.float64).eps)

    def take_names(self, tasks: list[str]) -> None:
        """Set the names of the tasks, for a method that refers to tasks by name.

        Args:
            tasks: names in the order of the Gramian's rows.

        Raises:
            InputError: if the method refers to a task that does not exist.
        """

    def check_teaches(self, teaches: Mapping[str, float]) -> None:
        """Reject factors on tasks' gradients that leave the method nothing to compare.

        Args:
            teaches: by task, the factor on its gradient for the encoder.

        Raises:
            InputError: says what to change.
        """

    def forward(self, gramian: Tensor, /) -> Tensor:
        """Solve in float64 on the CPU, for any device and dtype of the Gramian.

        Args:
            gramian: inner products of the tasks' gradients, shape ``[tasks, tasks]``, symmetric and
                positive semi-definite up to rounding. A row of zeros is a task without a gradient;
                its weight is finite but arbitrary.

        Returns:
            Weights, shape ``[tasks]``, on the Gramian's device, of its dtype, not differentiable.

        Raises:
            SolverError: if the Gramian is not square, not finite, or has no finite solution.
        """
        self.rounding = torch.finfo(gramian.dtype).eps
        weights = self.solve(self._checked(gramian.detach().to("cpu", torch.float64).numpy()))
        if not np.isfinite(weights).all():
            raise self.error(f"found weights that are not finite: {weights.tolist()}")
        return torch.from_numpy(weights).to(gramian)

    @abstractmethod
    def solve(self, gramian: np.ndarray) -> np.ndarray:
        """Compute the weights.

        Args:
            gramian: shape ``[tasks, tasks]``, float64, finite, symmetric.

        Returns:
            Weights, shape ``[tasks]``, float64.

        Raises:
            SolverError: if there is no solution or it was not found.
        """

    def error(self, found: str) -> SolverError:
        """Create an error that names the method and what was found."""
        return SolverError(f"{type(self).__name__} {found}")

    def _checked(self, gramian: np.ndarray) -> np.ndarray:
        if gramian.ndim != 2 or gramian.shape[0] != gramian.shape[1] or not gramian.size:
            raise self.error(
                "needs a square Gramian, one row and column per task, but got shape "
                f"{gramian.shape}"
            )
        if not np.isfinite(gramian).all():
            raise self.error(f"got a Gramian that is not finite: {gramian.tolist()}")
        # A product in single precision is symmetric only up to rounding.
        return (gramian + gramian.T) / 2
