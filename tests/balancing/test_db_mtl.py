"""DB-MTL: moving averages of the tasks' gradients, all of the largest one's length."""

from __future__ import annotations

import pytest
import torch
from torch.testing import assert_close

from multitask.balancing import DBMTL


def test_three_steps_are_the_papers() -> None:
    method = DBMTL(beta=0.8)
    # Along the axes, norms can be read off: the averages are (x, 0) and (0, y).
    x, y = 0.0, 0.0
    for kept, along_x, along_y in [
        (0.8, 3.0, -1.0),
        (0.8 / 2**0.5, 1.0, 2.0),
        (0.8 / 3**0.5, -9.0, 0.5),
    ]:
        x = kept * x + (1 - kept) * along_x
        y = kept * y + (1 - kept) * along_y
        longest = max(abs(x), abs(y))
        found = method(torch.diag(torch.tensor([along_x, along_y])))
        assert_close(found, torch.tensor([longest * x / abs(x), longest * y / abs(y)]))


@pytest.mark.parametrize("scale", [1e-3, 1e3])
def test_scale_of_a_small_gradient_does_not_matter(scale: float) -> None:
    matrix = torch.tensor([[300.0, 400.0], [0.2, -0.1]])
    scaled = matrix * torch.tensor([[1.0], [scale]])
    assert_close(DBMTL()(scaled), DBMTL()(matrix))


def test_task_without_a_gradient_adds_nothing() -> None:
    matrix = torch.tensor([[0.0, 0.0], [3.0, 4.0]])
    assert_close(DBMTL(beta=0.0)(matrix), matrix[1])
    assert DBMTL()(0 * matrix).tolist() == [0, 0]


def test_reset_forgets_gradients_and_steps() -> None:
    method, matrix = DBMTL(), torch.tensor([[1.0, 0.0], [1.0, 1.0]])
    first = method(matrix)
    method(-5 * matrix.flip(0))
    method.reset()
    assert_close(method(matrix), first)
