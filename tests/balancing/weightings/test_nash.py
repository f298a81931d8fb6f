"""Nash: the bargaining solution."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torch.testing import assert_close
from torchjd.aggregation import NashMTL

from multitask.balancing.weightings import IMTLG, FairGrad, Nash


def two(seed: int) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    jacobian = torch.randn(2, 3, generator=generator, dtype=torch.float64)
    return jacobian @ jacobian.T


def test_every_task_gains_the_inverse_of_its_weight(full_rank: Tensor, scale: float) -> None:
    weights = Nash()(full_rank * scale)
    assert (weights > 0).all()
    products = full_rank * scale @ weights * weights
    assert_close(products, torch.ones_like(weights), rtol=0, atol=1e-6)


def test_step_is_as_long_as_the_square_root_of_the_tasks(full_rank: Tensor, scale: float) -> None:
    weights = Nash()(full_rank * scale)
    square = weights @ (full_rank * scale) @ weights
    assert_close(square, torch.full_like(square, len(full_rank)))


@pytest.mark.filterwarnings("ignore:You are solving a parameterized problem")
def test_weights_are_torchjds_where_it_is_accurate() -> None:
    # torchjd linearizes, stops early, and falls back to the last weights: often it is far off.
    compared = 0
    for seed in range(8):
        generator = torch.Generator().manual_seed(seed)
        jacobian = torch.randn(2 + seed % 3, 12, generator=generator, dtype=torch.float64)
        gramian = jacobian @ jacobian.T
        weighting = NashMTL(n_tasks=len(jacobian), max_norm=0.0, optim_niter=100).weighting
        torchjds = weighting(jacobian)
        if (gramian @ torchjds * torchjds - 1).abs().max() < 1e-3:
            assert_close(Nash()(gramian), torchjds, rtol=2e-3, atol=0)
            compared += 1
    assert compared > 3


def test_two_tasks_have_a_closed_form() -> None:
    for seed in range(20):
        gramian = two(seed)
        lengths = gramian.diagonal().sqrt()
        cosine = gramian[0, 1] / lengths.prod()
        assert_close(Nash()(gramian), 1 / (lengths * (1 + cosine).sqrt()), rtol=1e-8, atol=0)


def test_two_tasks_step_where_imtl_g_steps() -> None:
    for seed in range(20):
        nash, impartial = Nash()(two(seed)), IMTLG()(two(seed))
        assert_close(nash / nash.sum(), impartial, rtol=1e-8, atol=0)


def test_is_fair_grad_with_alpha_one(full_rank: Tensor) -> None:
    assert_close(Nash()(full_rank), FairGrad(1.0)(full_rank))


@pytest.mark.parametrize(("max_norm", "length"), [(1.0, 1.0), (0.5, 0.5), (100.0, 5**0.5)])
def test_longer_steps_are_shortened(max_norm: float, length: float) -> None:
    generator = torch.Generator().manual_seed(0)
    jacobian = torch.randn(5, 9, generator=generator, dtype=torch.float64)
    gramian = jacobian @ jacobian.T
    weights = Nash(max_norm=max_norm)(gramian)
    assert_close((weights @ jacobian).norm().item(), length)
    assert_close(weights / weights.sum(), Nash()(gramian) / Nash()(gramian).sum())
