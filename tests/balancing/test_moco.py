"""MoCo: tracked gradients, and weights that descend on their common length."""

from __future__ import annotations

import torch
from torch.testing import assert_close

from multitask.balancing import MoCo


def test_three_steps_are_the_papers() -> None:
    beta, gamma, rho = 0.25, 0.5, 0.2
    method = MoCo(beta, gamma, rho)
    # Along the axes, Y Yt is diagonal: the averages are (x, 0) and (0, y).
    x, y, first = 0.0, 0.0, 0.5
    weights = []
    for along_x, along_y in [(4.0, -2.0), (1.0, -3.0), (2.0, 12.0)]:
        x -= beta * (x - along_x)
        y -= beta * (y - along_y)
        of_x = first - gamma * (x * x + rho) * first
        of_y = (1 - first) - gamma * (y * y + rho) * (1 - first)
        # The projection onto the segment from (0, 1) to (1, 0).
        first = min(max((of_x - of_y + 1) / 2, 0.0), 1.0)
        weights.append(first)
        found = method(torch.diag(torch.tensor([along_x, along_y])))
        assert_close(found, 2 * torch.tensor([first * x, (1 - first) * y]))
    # Neither stuck at halves nor in a corner, where less would be tested.
    assert len({*weights, 0.0, 0.5, 1.0}) == 6


def test_task_that_is_projected_away_adds_nothing() -> None:
    lengths = torch.tensor([1.0, 2**0.5, 3.0])
    # Thirds less 0.3 lengths**2 / 3 are (0.7, 0.4, -1.7) / 3, whose projection is (0.55, 0.45, 0).
    found = MoCo(beta=1.0, gamma=0.3)(torch.diag(lengths))
    assert_close(found, 3 * torch.tensor([0.55, 0.45, 0.0]) * lengths)


def test_weights_descend_on_the_products_of_all_tasks() -> None:
    matrix = torch.tensor([[1.0, 0.0], [1.0, 1.0], [0.0, 1.0]])
    # The rows of Y Yt add up to (2, 4, 2), so that thirds become (2, -1, 2) / 15, which the
    # projection raises by 4 / 15 each.
    expected = 3 * torch.tensor([0.4, 0.2, 0.4]) @ matrix
    assert_close(MoCo(beta=1.0, gamma=0.3)(matrix), expected)


def test_reset_forgets_gradients_and_weights() -> None:
    method, matrix = MoCo(gamma=0.3), torch.tensor([[1.0, 0.0], [1.0, 1.0]])
    first = method(matrix)
    method(-5 * matrix.flip(0))
    method.reset()
    assert_close(method(matrix), first)
