"""MGDA: the shortest convex combination."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.testing import assert_close
from torchjd.aggregation import MGDAWeighting

from multitask.balancing.weightings import MGDA
from multitask.balancing.weightings.min_norm import factor, min_norm_weights


def assert_shortest(weights: Tensor, gramian: Tensor) -> None:
    products = gramian @ weights
    square = weights @ products
    assert (weights >= 0).all()
    assert_close(weights.sum(), torch.ones_like(square))
    # Karush-Kuhn-Tucker: no task's gradient has a smaller product with the combination.
    assert (products >= square - 1e-9).all()


def test_optimality_conditions_hold(gramian: Tensor, scale: float) -> None:
    assert_shortest(MGDA()(gramian * scale), gramian)


def test_never_longer_than_torchjds_which_comes_close(gramian: Tensor) -> None:
    # Frank-Wolfe approaches the minimum like 1/iterations: lengths compare, weights do not.
    ours = MGDA()(gramian)
    torchjds = MGDAWeighting(epsilon=1e-9, max_iters=500)(gramian)
    assert ours @ gramian @ ours <= torchjds @ gramian @ torchjds + 1e-12
    assert_close(ours @ gramian @ ours, torchjds @ gramian @ torchjds, rtol=0, atol=2e-3)


def test_two_tasks_are_torchjds() -> None:
    # In a segment Frank-Wolfe is exact.
    for seed in range(50):
        jacobian = torch.randn(
            2, 4, generator=torch.Generator().manual_seed(seed), dtype=torch.float64
        )
        gramian = jacobian @ jacobian.T
        torchjds = MGDAWeighting(epsilon=1e-12, max_iters=1000)(gramian)
        assert_close(MGDA()(gramian), torchjds, rtol=0, atol=1e-6)


def test_two_tasks_have_the_closed_form_and_the_general_solver_agrees() -> None:
    ends = 0
    for seed in range(50):
        jacobian = torch.randn(
            2, 3, generator=torch.Generator().manual_seed(seed), dtype=torch.float64
        )
        gramian = jacobian @ jacobian.T
        difference = gramian[0, 0] + gramian[1, 1] - 2 * gramian[0, 1]
        first = ((gramian[1, 1] - gramian[0, 1]) / difference).clamp(0, 1)
        expected = torch.stack([first, 1 - first])
        assert_close(MGDA()(gramian), expected)
        general = torch.from_numpy(min_norm_weights(factor(gramian.numpy())))
        assert_close(general, expected, rtol=0, atol=1e-9)
        ends += int(first in (0, 1))
    assert 5 < ends < 45


def test_same_gradient_twice() -> None:
    assert_shortest(MGDA()(torch.ones(2, 2)), torch.ones(2, 2))
    assert_shortest(MGDA()(torch.ones(3, 3)), torch.ones(3, 3))


def test_orthogonal_gradients_weigh_the_inverse_square_at_any_spread() -> None:
    squares = torch.logspace(-12, 12, 5, dtype=torch.float64)
    expected = (1 / squares) / (1 / squares).sum()
    assert_close(MGDA()(squares.diag()), expected, rtol=1e-9, atol=0)


def test_optimality_conditions_hold_at_any_spread(full_rank: Tensor) -> None:
    lengths = torch.logspace(-5, 5, len(full_rank), dtype=torch.float64)
    gramian = full_rank * lengths * lengths[:, None]
    weights = MGDA()(gramian)
    square = weights @ gramian @ weights
    # As cosines with the combination, for what a product of a long gradient rounds away is long.
    excess = (gramian @ weights - square) / (gramian.diagonal() * square).sqrt()
    assert_close(excess[weights > 0], torch.zeros_like(excess[weights > 0]), rtol=0, atol=1e-8)
    assert (excess >= -1e-8).all()


def test_shortest_gradients_that_a_float_can_hold(full_rank: Tensor) -> None:
    assert_close(MGDA()(full_rank * 1e-200), MGDA()(full_rank), rtol=1e-6, atol=1e-9)


def test_zero_gradient_takes_all_the_weight() -> None:
    assert_close(MGDA()(torch.diag(torch.tensor([1.0, 0.0, 2.0]))), torch.tensor([0.0, 1.0, 0.0]))
