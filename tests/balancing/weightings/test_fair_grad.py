"""FairGrad: the weights that make alpha-fair gains."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torch.testing import assert_close
from torchjd.aggregation import FairGradWeighting

from multitask.balancing.weightings import FairGrad, SolverError
from multitask.balancing.weightings import fair_grad as module

alphas = pytest.mark.parametrize("alpha", [0.5, 1.0, 2.0, 5.0])


@alphas
def test_gains_are_fair(alpha: float, full_rank: Tensor, scale: float) -> None:
    weights = FairGrad(alpha)(full_rank * scale)
    assert (weights > 0).all()
    gains = full_rank * scale @ weights
    assert_close(gains * weights ** (1 / alpha), torch.ones_like(weights), rtol=0, atol=1e-6)


@alphas
def test_tasks_beside_a_zero_row_are_as_without_it(alpha: float, full_rank: Tensor) -> None:
    padded = torch.block_diag(torch.zeros(1, 1), full_rank)
    assert_close(FairGrad(alpha)(padded)[1:], FairGrad(alpha)(full_rank), rtol=1e-9, atol=0)


def test_dependent_gradients_with_a_common_direction_are_fair() -> None:
    generator = torch.Generator().manual_seed(0)
    jacobian = torch.rand(5, 2, generator=generator, dtype=torch.float64)
    gramian = jacobian @ jacobian.T
    weights = FairGrad()(gramian)
    assert_close(gramian @ weights * weights**0.5, torch.ones_like(weights), rtol=0, atol=1e-6)


def test_weights_are_torchjds_where_it_converges() -> None:
    # torchjd's least squares starts from 1/tasks and stops early, or elsewhere, for some Gramians.
    compared = 0
    for seed in range(20):
        generator = torch.Generator().manual_seed(seed)
        jacobian = torch.randn(3, 6, generator=generator, dtype=torch.float64)
        gramian = jacobian @ jacobian.T
        torchjds = FairGradWeighting(2.0)(gramian)
        if (gramian @ torchjds - torchjds**-0.5).abs().max() < 1e-6:
            assert_close(FairGrad(2.0)(gramian), torchjds, rtol=0, atol=1e-5)
            compared += 1
    assert compared > 10


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_opposite_gradients_have_a_bounded_step(dtype: torch.dtype) -> None:
    for seed in range(30):
        generator = torch.Generator().manual_seed(seed)
        jacobian = torch.randn(9, 12, generator=generator, dtype=dtype)
        jacobian = torch.cat([jacobian, -jacobian[:1]])
        gramian = jacobian @ jacobian.T
        weights = FairGrad(1.0)(gramian).double()
        # The Gramian's own rounding may make the square of the step negative.
        assert weights @ gramian.double() @ weights <= 10 + 1e-3
        assert weights.max() < 1e4


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("alpha", [1.0, 2.0, 10.0])
def test_weights_stay_positive_on_the_way(alpha: float) -> None:
    generator = torch.Generator().manual_seed(0)
    jacobian = 0.1 * torch.randn(6, 8, generator=generator, dtype=torch.float64) + 1
    weights = FairGrad(alpha)(jacobian @ jacobian.T)
    gains = jacobian @ jacobian.T @ weights
    assert_close(gains * weights ** (1 / alpha), torch.ones_like(weights), rtol=0, atol=1e-6)


def test_weights_do_not_depend_on_the_lengths_of_the_gradients_but_inversely() -> None:
    generator = torch.Generator().manual_seed(0)
    jacobian = torch.randn(4, 8, generator=generator, dtype=torch.float64)
    lengths = torch.logspace(-6, 6, 4, dtype=torch.float64)
    gramian = jacobian @ jacobian.T
    spread = gramian * lengths * lengths[:, None]
    assert_close(FairGrad(1.0)(spread) * lengths, FairGrad(1.0)(gramian), rtol=1e-9, atol=0)


def test_lack_of_convergence_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_STEPS", 2)
    gramian = torch.tensor([[1.0, -0.99], [-0.99, 4.0]])
    with pytest.raises(SolverError, match="FairGrad did not converge in 2 Newton steps"):
        FairGrad()(gramian)
