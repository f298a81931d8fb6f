"""UPGrad, DualProj and the projector that both use."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor
from torch.testing import assert_close
from torchjd.aggregation import DualProjWeighting, PCGradWeighting, UPGradWeighting, Weighting
from torchjd.linalg import QuadprogProjector

from multitask.balancing.weightings import (
    DualProj,
    GramianWeighting,
    NonNegativeProjector,
    SolverError,
    UPGrad,
)

PAIRS = [(UPGrad, UPGradWeighting), (DualProj, DualProjWeighting)]
Method = Callable[[Tensor | None], GramianWeighting]
Reference = Callable[[Tensor | None], Weighting]
both = pytest.mark.parametrize(("method", "reference"), PAIRS)


@both
def test_weights_are_torchjds(
    method: Method, reference: Reference, gramian: Tensor, scale: float
) -> None:
    assert_close(method(None)(gramian * scale), reference(None)(gramian), rtol=0, atol=1e-6)


@both
def test_preferences_are_torchjds(method: Method, reference: Reference, gramian: Tensor) -> None:
    preference = torch.linspace(0.1, 2, len(gramian), dtype=torch.float64)
    found = method(preference)(gramian)
    assert_close(found, reference(preference)(gramian), rtol=0, atol=1e-6)
    assert not torch.allclose(found, method(None)(gramian), atol=1e-3)


def test_no_task_is_opposed_up_to_the_regularization(full_rank: Tensor) -> None:
    mean = torch.ones(len(full_rank), dtype=torch.float64)
    assert (full_rank @ UPGrad()(full_rank)).min() > -1e-3
    assert (full_rank @ DualProj()(full_rank)).min() > -1e-3
    assert (full_rank @ mean).min() < 0.2


def test_two_tasks_step_where_pcgrad_steps() -> None:
    conflicts = 0
    for seed in range(20):
        jacobian = torch.randn(
            2, 3, generator=torch.Generator().manual_seed(seed), dtype=torch.float64
        )
        gramian = jacobian @ jacobian.T
        weights = UPGrad()
        weights.projector = NonNegativeProjector(reg_eps=1e-12)
        assert_close(weights(gramian), PCGradWeighting()(gramian) / 2, rtol=0, atol=1e-8)
        conflicts += int(gramian[0, 1] < 0)
    assert 5 < conflicts < 15


@pytest.mark.parametrize("shape", [(), (4,), (2, 3)], ids=str)
def test_projector_is_a_torchjd_projector(full_rank: Tensor, shape: tuple[int, ...]) -> None:
    generator = torch.Generator().manual_seed(1)
    vectors = torch.randn(*shape, len(full_rank), generator=generator, dtype=torch.float64)
    found = NonNegativeProjector()(vectors, full_rank)
    assert_close(found, QuadprogProjector()(vectors, full_rank), rtol=0, atol=1e-6)
    assert UPGradWeighting(projector=NonNegativeProjector())(full_rank).isfinite().all()


def test_projector_solves_the_quadratic_program(full_rank: Tensor) -> None:
    wanted = torch.eye(len(full_rank), dtype=torch.float64)
    regular = full_rank + 1e-4 * wanted
    for lower, found in zip(wanted, NonNegativeProjector()(wanted, full_rank), strict=True):
        slope = regular @ found
        assert (found >= lower).all()
        assert (slope >= -1e-12).all()
        assert_close(slope * (found - lower), torch.zeros_like(slope), rtol=0, atol=1e-12)


@pytest.mark.parametrize("method", [UPGrad, DualProj])
def test_matrix_that_is_no_gramian_is_refused(method: Callable[[], GramianWeighting]) -> None:
    with pytest.raises(SolverError, match="found no projection: .*ositive definite"):
        method()(torch.tensor([[1.0, 5.0], [5.0, 1.0]]))


def test_regularization_must_be_positive() -> None:
    with pytest.raises(ValueError, match="reg_eps must be positive, not 0"):
        NonNegativeProjector(reg_eps=0)
