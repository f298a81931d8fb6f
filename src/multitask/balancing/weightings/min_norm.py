"""The exact point of a convex hull that is closest to the origin."""

from __future__ import annotations

import numpy as np
from scipy.optimize import nnls


def norms(gramian: np.ndarray) -> np.ndarray:
    """Lengths of the gradients, shape ``[tasks]``; 1 for a gradient of length zero."""
    lengths = np.sqrt(np.maximum(gramian.diagonal(), 0))
    return np.where(lengths > 0, lengths, 1.0)


def factor(gramian: np.ndarray) -> np.ndarray:
    """Rows with the given inner products.

    Args:
        gramian: shape ``[tasks, tasks]``, positive semi-definite up to rounding.

    Returns:
        ``F``, shape ``[tasks, tasks]``, with ``F @ F.T == gramian``.
    """
    # Cosines first: otherwise a short gradient would be lost in the rounding of a long one.
    lengths = norms(gramian)
    values, vectors = np.linalg.eigh(gramian / np.outer(lengths, lengths))
    return lengths[:, None] * vectors * np.sqrt(np.maximum(values, 0))


def min_norm_weights(rows: np.ndarray) -> np.ndarray:
    """Weights of the shortest convex combination of the rows, by one non-negative least squares.

    ``|rows.T @ y|^2 + (sum(y) - 1)^2`` over ``y >= 0`` has its minimum at a multiple of the
    weights: along ``y = s w`` it is ``s^2 |rows.T @ w|^2 + (s - 1)^2``, whose minimum over ``s``
    grows with ``|rows.T @ w|``.

    Args:
        rows: shape ``[tasks, dimensions]``.

    Returns:
        Weights, shape ``[tasks]``, non-negative, summing to 1.

    Raises:
        RuntimeError: if the iteration limit was reached.
    """
    lengths = np.sqrt(np.einsum("ij,ij->i", rows, rows))
    shortest = lengths.min()
    if shortest == 0:
        return (lengths == 0) / np.count_nonzero(lengths == 0)
    # Columns of unit length, and an extra row of at most 1, keep the least squares accurate.
    system, target = np.empty((rows.shape[1] + 1, len(rows))), np.zeros(rows.shape[1] + 1)
    system[:-1], system[-1], target[-1] = (rows / lengths[:, None]).T, shortest / lengths, 1.0
    weights = nnls(system, target)[0] / lengths
    return weights / weights.sum()
