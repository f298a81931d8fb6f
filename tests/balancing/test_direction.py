"""Directions that are no weighted sum: one for each tensor, or one for the shared parameters."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn
from torch.testing import assert_close
from torchjd.aggregation import TrimmedMean

from multitask.balancing import DBMTL, GradDrop
from multitask.balancing.direction import Direction
from multitask.balancing.level import Level
from multitask.balancing.task_gradients import TaskGradients

ALL = torch.ones(3, dtype=torch.bool)
ROWS = torch.tensor([[[1.0, 9.0]], [[2.0, -9.0]], [[4.0, 0.5]]])


def at_representation(*rows: Tensor | None) -> TaskGradients:
    return TaskGradients([torch.ones(1, 2) for _ in rows], rows, 3)


def test_each_tensor_gets_a_direction_of_its_own_shape() -> None:
    # The trimmed mean of three is their median.
    direction = Direction(Level(), TrimmedMean(1))
    first, nothing, second = direction.combine(
        at_representation(ROWS, None, -ROWS.view(3, 2, 1)), ALL
    )
    assert nothing is None
    assert_close(first, torch.tensor([[2.0, 0.5]]))
    assert_close(second, torch.tensor([[-2.0], [-0.5]]))


def test_tasks_without_labels_are_not_seen() -> None:
    # With them, the median would be another.
    rows = torch.cat([ROWS[:1], torch.zeros(1, 1, 2), ROWS[1:]])
    labelled = torch.tensor([True, False, True, True])
    seen = TaskGradients([torch.ones(1, 2)], [rows], 4)
    (found,) = Direction(Level(), TrimmedMean(1)).combine(seen, labelled)
    assert_close(found, torch.tensor([[2.0, 0.5]]))


def test_batch_without_labels_has_no_direction() -> None:
    (found,) = Direction(Level(), TrimmedMean(1)).combine(at_representation(0 * ROWS), ~ALL)
    assert_close(found, torch.zeros(1, 2))


def test_grad_drop_judges_at_the_activations() -> None:
    # Times the activations' signs, either sample's two gradients add up to opposite signs.
    rows = torch.tensor([[[2.0], [-3.0]], [[1.0], [-1.0]]])
    seen = TaskGradients([torch.tensor([[0.1], [-5.0]])], [rows], 2)
    (found,) = Direction(Level(), GradDrop()).combine(seen, ALL[:2])
    assert_close(found, rows.sum(0))


@pytest.mark.parametrize("stepped", [False, True])
def test_shared_parameters_get_the_direction_itself(stepped: bool) -> None:
    encoder, features = nn.Linear(2, 1, bias=False), torch.tensor([[1.0, 3.0]])
    level = Level("shared")
    level.connect(encoder)
    level.has_stepped = stepped
    rows = torch.tensor([[[1.0]], [[5.0]], [[2.0]]])
    seen = TaskGradients([encoder(features)], [rows], 3)
    (sent,) = Direction(level, TrimmedMean(1)).combine(seen, ALL)
    level.add_to_gradients()
    assert_close(encoder.weight.grad, 2 * features)
    assert (sent is None) if stepped else (sent is not None and not sent.any())


def test_memory_of_a_task_without_labels_is_kept() -> None:
    encoder = nn.Linear(4, 1, bias=False)
    level, method = Level("shared"), DBMTL(beta=0.5)
    level.connect(encoder)
    direction, rows = Direction(level, method), torch.tensor([[[1.0]], [[5.0]], [[2.0]]])
    averages = []
    for labelled in (ALL, torch.tensor([True, False, True])):
        seen = TaskGradients([encoder(torch.ones(1, 4))], [rows * labelled.view(3, 1, 1)], 3)
        direction.combine(seen, labelled)
        assert method.averages is not None
        averages.append(method.averages[:, 0])
    kept = 0.5 / 2**0.5
    assert_close(averages[0], rows.flatten() / 2)
    assert_close(averages[1], rows.flatten() * torch.tensor([1 - kept / 2, 0.5, 1 - kept / 2]))
