"""What is computed from the tasks' gradients is what separate backward passes give."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
import torch
from torch import Tensor, nn
from torch.testing import assert_close

from multitask.balancing.task_gradients import TaskGradients
from multitask.errors import InputError


class Problem:
    """Two layers, whose outputs are the representation; the third task looks only at the first."""

    def __init__(self, dtype: torch.dtype = torch.float32) -> None:
        torch.manual_seed(0)
        layers = nn.Linear(3, 2, dtype=dtype), nn.Linear(3, 4, bias=False, dtype=dtype)
        features = torch.randn(5, 3, dtype=dtype)
        self.parameters = [each for layer in layers for each in layer.parameters()]
        self.representation = x, y = [layer(features) for layer in layers]
        self.losses = [x.square().mean() + y.sum(), x.sum() - 3 * y.square().mean(), x.exp().sum()]
        self.rows = [self.separate([part]).view(3, *part.shape) for part in (x, y)]
        self.gradients = TaskGradients(self.representation, self.rows, 3)

    def separate(self, at: Sequence[Tensor]) -> Tensor:
        """Gradients at some tensors, one backward pass a task, shape ``[tasks, elements]``."""
        passes = [
            torch.autograd.grad(loss, at, retain_graph=True, materialize_grads=True)
            for loss in self.losses
        ]
        return torch.stack([torch.cat([part.flatten() for part in each]) for each in passes])


def test_gramian_has_the_products_over_all_tensors() -> None:
    problem = Problem()
    jacobian = problem.separate(problem.representation)
    assert_close(problem.gradients.gramian(), jacobian @ jacobian.T)


def test_tensor_that_no_task_uses_adds_no_products() -> None:
    problem = Problem()
    rows = [problem.rows[0], None]
    expected = problem.rows[0].flatten(1) @ problem.rows[0].flatten(1).T
    assert_close(TaskGradients(problem.representation, rows, 3).gramian(), expected)


def test_jacobian_is_that_of_separate_passes() -> None:
    problem = Problem()
    for some in (problem.parameters, problem.parameters[:1], problem.parameters[::-1]):
        assert_close(problem.gradients.jacobian(some), problem.separate(some))
    # The graph is still there for the backward pass that all this happens in.
    torch.stack(problem.losses).sum().backward()
    total = torch.cat([each.grad.flatten() for each in problem.parameters])  # type: ignore[union-attr]
    assert_close(problem.gradients.jacobian(problem.parameters).sum(0), total)


def test_jacobian_is_known_once_asked_for() -> None:
    problem = Problem()
    first = problem.gradients.jacobian(problem.parameters)
    assert problem.gradients.knows_jacobian(problem.parameters)
    assert not problem.gradients.knows_jacobian(problem.parameters[:1])
    assert problem.gradients.jacobian(problem.parameters) is first


def test_jacobian_of_other_gradients_takes_those() -> None:
    problem = Problem()
    problem.gradients.jacobian(problem.parameters)
    doubled = [2 * problem.rows[0], None]
    found = problem.gradients.jacobian_of(doubled, problem.parameters)
    expected = 2 * problem.separate(problem.parameters)
    # Nothing goes back into the second layer, whose 12 weights come last.
    expected[:, -12:] = 0
    assert_close(found, expected)


def test_half_precision_is_multiplied_in_single_precision() -> None:
    problem = Problem(torch.bfloat16)
    rows = problem.separate(problem.representation).float()
    assert_close(problem.gradients.gramian(), rows @ rows.T)
    found = problem.gradients.jacobian(problem.parameters)
    assert_close(found, problem.separate(problem.parameters).float())


def test_weights_weigh_and_tensors_without_gradients_have_none() -> None:
    problem = Problem()
    gradients = TaskGradients(problem.representation, [None, problem.rows[1]], 3)
    nothing, found = gradients.weighted(torch.tensor([1.0, -2.0, 5.0], dtype=torch.float64))
    assert nothing is None
    assert_close(found, problem.rows[1][0] - 2 * problem.rows[1][1])


def test_parameters_that_the_graph_does_not_reach_are_refused() -> None:
    problem = Problem()
    detached = [part.detach().requires_grad_() for part in problem.representation]
    with pytest.raises(InputError, match="use_reentrant=False"):
        TaskGradients(detached, problem.rows, 3).jacobian(problem.parameters)
