"""Projection onto the cone of directions that do not oppose any task's gradient."""

from __future__ import annotations

import numpy as np
import torch
from scipy.optimize import nnls
from torch import Tensor
from torchjd.linalg import DualConeProjector


class NonNegativeProjector(DualConeProjector):
    """Projects onto the dual cone by non-negative least squares; only needs scipy.

    ``min v' G v`` over ``v >= u`` (Quinton and Rey, 2024, arXiv 2406.16232, proposition 1) is, with
    ``v = u + y`` and ``G = F F'``, ``min |F' y + F' u|`` over ``y >= 0``. As in torchjd, the
    Gramian is divided by its trace and regularized, but here for gradients of any length.

    Args:
        reg_eps: value added to the diagonal of the Gramian of trace 1; positive.
    """

    def __init__(self, reg_eps: float = 1e-4) -> None:
        if not reg_eps > 0:
            raise ValueError(f"reg_eps must be positive, not {reg_eps}")
        self.reg_eps = reg_eps

    def __call__(self, U: Tensor, G: Tensor) -> Tensor:  # noqa: N803 (torchjd's names)
        vectors, gramian = (each.detach().to("cpu", torch.float64).numpy() for each in (U, G))
        return torch.from_numpy(self.project(vectors, gramian)).to(G)

    def project(self, vectors: np.ndarray, gramian: np.ndarray) -> np.ndarray:
        """Project each ``J' u`` and return its coefficients.

        Args:
            vectors: the vectors ``u``, shape ``[..., tasks]``.
            gramian: shape ``[tasks, tasks]``.

        Returns:
            The vectors ``v`` with ``J' v`` the projection of ``J' u``, same shape as ``vectors``.

        Raises:
            RuntimeError: if the iteration limit was reached.
            numpy.linalg.LinAlgError: if the Gramian is far from positive semi-definite.
        """
        trace = gramian.trace()
        regularized = gramian / trace if trace > 0 else np.zeros_like(gramian)
        regularized.flat[:: len(gramian) + 1] += self.reg_eps
        upper = np.linalg.cholesky(regularized).T
        flat = vectors.reshape(-1, len(gramian))
        lifted = flat.astype(np.float64)
        # A vector whose products with all gradients are positive is in the cone already.
        for outside in np.flatnonzero((flat @ regularized < 0).any(1)):
            lifted[outside] += nnls(upper, -upper @ flat[outside])[0]
        return lifted.reshape(vectors.shape)
