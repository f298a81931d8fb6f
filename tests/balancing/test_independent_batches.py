"""Smaller batches of a batch: every sample in one of them, each with its own mean loss."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn
from torch.testing import assert_close

from multitask.balancing.independent_batches import IndependentBatches
from multitask.balancing.task_gradients import TaskGradients

FEATURES = torch.randn(6, 3, generator=torch.Generator().manual_seed(0))
GOALS = torch.randn(6, 2, generator=torch.Generator().manual_seed(1))


def encoder() -> nn.Linear:
    torch.manual_seed(0)
    return nn.Linear(3, 2)


def losses(representation: Tensor, goals: Tensor) -> list[Tensor]:
    error = representation - goals
    return [error.square().mean(), 5 * error.abs().mean(), representation.exp().mean()]


def gradients(shared: nn.Module) -> TaskGradients:
    representation = shared(FEATURES)
    rows = [
        torch.autograd.grad(loss, representation, retain_graph=True)[0]
        for loss in losses(representation, GOALS)
    ]
    return TaskGradients([representation], [torch.stack(rows)], 3)


def jacobian(shared: nn.Module, samples: slice) -> Tensor:
    """Gradients of the parameters where a smaller batch is all there is, one row a task."""
    found = [
        torch.autograd.grad(loss, list(shared.parameters()), retain_graph=True)
        for loss in losses(shared(FEATURES[samples]), GOALS[samples])
    ]
    return torch.stack([torch.cat([each.flatten() for each in row]) for row in found])


@pytest.mark.parametrize("count", [2, 3])
@pytest.mark.parametrize("shape", [(7,), (7, 2), (7, 2, 4)])
def test_every_sample_is_in_one_of_the_batches(shape: tuple[int, ...], count: int) -> None:
    whole = 1 + torch.rand(3, *shape)
    dealt = IndependentBatches(TaskGradients([whole[0]], [whole], 3), count)
    parts = torch.stack([dealt.rows(which)[0] for which in range(count)])  # type: ignore[misc]
    sizes = torch.tensor([len(range(which, 7, count)) for which in range(count)]) / 7
    # Each is a mean over its own samples.
    assert_close(torch.tensordot(sizes, parts, 1), whole)
    samples = (parts != 0).flatten(3) if len(shape) > 1 else (parts != 0).unsqueeze(3)
    # The same samples for all tasks and elements, each in one batch, none of them short.
    assert torch.equal(samples, samples[:, :1, :, :1].expand_as(samples))
    assert samples[:, 0, :, 0].sum(0).tolist() == [1] * 7
    assert int(samples[:, 0, :, 0].sum(1).min()) == 7 // count


@pytest.mark.parametrize("count", [2, 3])
def test_products_are_those_of_the_batches_taken_separately(count: int) -> None:
    shared = encoder()
    first, second = (jacobian(shared, slice(which, None, count)) for which in (0, 1))
    found = IndependentBatches(gradients(shared), count).products(list(shared.parameters()))
    assert_close(found, first @ second.T)


def test_rows_are_the_gradients_of_one_batchs_mean_losses() -> None:
    shared = encoder()
    whole = gradients(shared)
    third = TaskGradients(whole.representation, IndependentBatches(whole, 3).rows(2), 3)
    assert_close(third.jacobian(list(shared.parameters())), jacobian(shared, slice(2, None, 3)))


def test_tensor_without_a_gradient_has_none_in_the_batches() -> None:
    whole = TaskGradients([torch.zeros(4, 2)] * 2, [None, torch.ones(3, 4, 2)], 3)
    nothing, rows = IndependentBatches(whole, 2).rows(0)
    assert nothing is None
    assert rows is not None
