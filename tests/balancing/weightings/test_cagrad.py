"""CAGrad: the best step for the worst-off task within a ball around the mean gradient."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor
from torch.testing import assert_close
from torchjd.aggregation import CAGradWeighting

from multitask.balancing.weightings import CAGrad

radii = pytest.mark.parametrize("c", [0.1, 0.4, 0.9, 2.0])


def worst_gain(weights: Tensor, gramian: Tensor) -> Tensor:
    return (gramian @ weights).min()


@radii
def test_weights_are_torchjds(c: float, full_rank: Tensor) -> None:
    # torchjd's interior-point solver leaves about 1e-4 in the weights; ours are never the worse.
    found, torchjds = CAGrad(c)(full_rank), CAGradWeighting(c)(full_rank)
    assert_close(found, torchjds, rtol=0, atol=1e-3)
    assert worst_gain(found, full_rank) >= worst_gain(torchjds, full_rank) - 1e-9


@radii
def test_step_is_optimal(c: float, gramian: Tensor, scale: float) -> None:
    weights = CAGrad(c)(gramian * scale)
    if weights.any():
        assert_optimal(weights, gramian, c)
    else:
        # Near the front torchjd's own answer is a matter of its tolerance, but it gains nothing.
        assert worst_gain(CAGradWeighting(c)(gramian), gramian) < 1e-3


def assert_optimal(weights: Tensor, gramian: Tensor, c: float) -> None:
    """Weak duality: the worst gain of a step in the ball equals the bound of its own weights."""
    tasks = len(gramian)
    mean = torch.full((tasks,), 1 / tasks, dtype=torch.float64)
    radius = c * (mean @ gramian @ mean).sqrt()
    bend = weights - mean
    assert (bend >= -1e-12).all()
    assert_close((bend @ gramian @ bend).sqrt(), radius)
    convex = bend / bend.sum()
    bound = convex @ gramian @ mean + radius * (convex @ gramian @ convex).sqrt()
    assert_close(worst_gain(weights, gramian), bound, rtol=0, atol=1e-9)


def test_opposite_gradients_are_on_the_front_of_a_ball_that_holds_the_origin() -> None:
    # One gradient is minus twice the other: their mean m is -0.5 times the first.
    opposite = torch.tensor([[1.0, -2.0], [-2.0, 4.0]], dtype=torch.float64)
    assert_close(CAGrad(2.0)(opposite), torch.zeros(2, dtype=torch.float64))
    # In a smaller ball the first loses least by the step m (1 - c).
    assert_close(CAGrad(0.4)(opposite), torch.tensor([0.5 + 0.2, 0.5], dtype=torch.float64))


@radii
def test_short_gradient_does_not_stop_the_others(c: float) -> None:
    generator = torch.Generator().manual_seed(0)
    jacobian = torch.rand(3, 5, generator=generator, dtype=torch.float64)
    jacobian[0] *= 1e-5
    gramian = jacobian @ jacobian.T
    assert_optimal(CAGrad(c)(gramian), gramian, c)


def test_without_radius_it_is_the_mean(full_rank: Tensor) -> None:
    tasks = len(full_rank)
    assert_close(CAGrad(0.0)(full_rank), torch.full((tasks,), 1 / tasks, dtype=torch.float64))


def test_single_task_steps_beyond_its_gradient_at_any_radius() -> None:
    for c in torch.linspace(0.01, 3, 200).tolist():
        assert math.isclose(CAGrad(c)(torch.eye(1, dtype=torch.float64)).item(), 1 + c)


def test_radius_brings_the_worst_gain_up(full_rank: Tensor) -> None:
    gains = [worst_gain(CAGrad(c)(full_rank), full_rank).item() for c in (0.0, 0.2, 0.4, 0.8)]
    assert gains == sorted(gains)
    assert not math.isclose(gains[0], gains[-1])
