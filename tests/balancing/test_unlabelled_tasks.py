"""Tasks without a gradient are excluded, with their rows and columns."""

from __future__ import annotations

import torch

from multitask.balancing.unlabelled_tasks import part_of, tasks_to_balance

JACOBIAN = torch.tensor([[1.0, 2.0, 0.0], [0.0, 0.0, 0.0], [0.0, -1.0, 3.0]], dtype=torch.float64)
GRAMIAN = JACOBIAN @ JACOBIAN.T


def test_a_task_without_a_gradient_is_excluded() -> None:
    tasks = tasks_to_balance(GRAMIAN)
    assert tasks is not None
    assert tasks.tolist() == [True, False, True]
    rows = part_of(JACOBIAN, tasks, is_jacobian=True)
    torch.testing.assert_close(rows, JACOBIAN[[0, 2]])
    torch.testing.assert_close(part_of(GRAMIAN, tasks, is_jacobian=False), rows @ rows.T)


def test_all_tasks_need_no_mask() -> None:
    assert tasks_to_balance(torch.eye(3, dtype=torch.float64)) is None
