"""The toy problem: the papers' losses, the front, and that every start is one."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torch.testing import assert_close

from multitask.data.toy_starts import STARTS
from multitask.tasks.toy_problem import distance, toy_front, toy_loss


def plane(values: object) -> Tensor:
    return torch.tensor(values, dtype=torch.float64)


def gradient(points: Tensor, mirrored: bool) -> Tensor:
    points = points.clone().requires_grad_()
    return torch.autograd.grad(toy_loss(points, mirrored).sum(), points)[0]


def test_losses_are_the_papers() -> None:
    x1, x2 = points = plane([[3.0, -2.0, 9.0, 0.5], [4.0, -5.0, -1.0, 0.1]])
    above = (x2 / 2).tanh().clamp(min=0)
    below = (-x2 / 2).tanh().clamp(min=0)
    first = ((-x1 - 7) / 2 - (-x2).tanh()).abs().clamp(min=5e-6).log() + 6
    second = ((-x1 + 3) / 2 + (-x2).tanh() + 2).abs().clamp(min=5e-6).log() + 6
    floors = [((-x1 + side) ** 2 + 0.1 * (-x2 - 8) ** 2) / 10 - 20 for side in (7, -7)]
    assert_close(toy_loss(points.T), above * first + below * floors[0])
    assert_close(toy_loss(points.T, mirrored=True), above * second + below * floors[1])


def test_losses_by_hand() -> None:
    assert_close(toy_loss(plane([0.0, 0.0])), plane(0.0))
    # Deep in the first loss's valley the logarithm is cut off, at ln 5e-6 + 6.
    assert_close(toy_loss(plane([-5.0, 50.0])), plane(-6.2061), rtol=0, atol=1e-4)
    assert_close(toy_loss(plane([7.0, -50.0])), plane(-20 + 17.64), rtol=0, atol=1e-9)


@pytest.mark.parametrize("start", STARTS)
def test_every_start_moves(start: tuple[float, float]) -> None:
    sums = gradient(plane([start]), False) + gradient(plane([start]), True)
    assert sums.norm() > 0.1


def test_the_losses_pull_straight_down_from_the_middle() -> None:
    # Half the difference between the valley's ln 3.5 + 6 there and the floor's 5.54 - 20.
    expected = plane([[0, (1.252763 + 6 + 14.46) / 2]])
    for mirrored in (False, True):
        assert_close(gradient(plane([[0.0, 0.0]]), mirrored), expected, rtol=0, atol=1e-6)


def test_front_is_where_gradients_oppose() -> None:
    front = toy_front()
    weights = torch.linspace(0, 1, len(front), dtype=torch.float64)[:, None]
    sums = weights * gradient(front, False) + (1 - weights) * gradient(front, True)
    assert_close(sums, torch.zeros_like(front))
    middle = front[len(front) // 2]
    assert_close(middle, plane([0, -8.355]), rtol=0, atol=1e-3)
    for mirrored in (False, True):
        assert_close(toy_loss(middle, mirrored), plane(-15.09), rtol=0, atol=0.01)


def test_distance_is_to_the_nearest_point() -> None:
    points = torch.tensor([[3.0, 4.0], [10.0, 1.0]])
    found = distance(points, plane([[0, 0], [10, 0]]))
    assert_close(found, torch.tensor([5.0, 1.0]))
