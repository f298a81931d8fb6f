"""Gramians that the weightings are compared on."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

KINDS = ("full rank", "rank deficient", "zero row")


@pytest.fixture(params=[(tasks, seed) for tasks in (2, 3, 5, 10) for seed in range(2)], ids=str)
def full_rank(request: pytest.FixtureRequest) -> Tensor:
    """A random Gramian of full rank and trace 1, shape ``[tasks, tasks]``, float64."""
    return random_gramian("full rank", *request.param)


@pytest.fixture(
    params=[(k, tasks, seed) for k in KINDS for tasks in (2, 3, 5, 10) for seed in range(2)],
    ids=str,
)
def gramian(request: pytest.FixtureRequest) -> Tensor:
    """Any random Gramian of trace 1; its first row may be zero."""
    return random_gramian(*request.param)


@pytest.fixture(params=[1.0, 1e-12, 1e12], ids=str)
def scale(request: pytest.FixtureRequest) -> float:
    return request.param


def random_gramian(kind: str, tasks: int, seed: int) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    columns = max(1, tasks // 2) if kind == "rank deficient" else tasks + 3
    jacobian = torch.randn(tasks, columns, generator=generator, dtype=torch.float64)
    jacobian *= torch.linspace(0.5, 2, tasks, dtype=torch.float64)[:, None]
    if kind == "zero row":
        jacobian[0] = 0
    gramian = jacobian @ jacobian.T
    return gramian / gramian.trace()
