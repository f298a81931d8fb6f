"""GradVac: gradient vaccine."""

from __future__ import annotations

import io

import pytest
import torch
from torch import Tensor
from torch.testing import assert_close
from torchjd.aggregation import GradVacWeighting

from multitask.balancing.weightings import GradVac, PCGrad


def gramians(tasks: int) -> list[Tensor]:
    """Gramians of several steps, of gradients of mean squared length 1 (torchjd has no scale)."""
    generator = torch.Generator().manual_seed(tasks)
    common = torch.randn(1, tasks + 3, generator=generator, dtype=torch.float64)
    found = []
    for share in (1.0, -0.5, 0.2, -0.1, 2.0, 0.0):
        own = torch.randn(tasks, tasks + 3, generator=generator, dtype=torch.float64)
        jacobian = own + share * common
        gramian = jacobian @ jacobian.T
        found.append(gramian / gramian.diagonal().mean())
    return found


@pytest.mark.parametrize("beta", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("tasks", [2, 3, 5, 10])
def test_several_steps_are_torchjds_under_the_same_seed(
    tasks: int, beta: float, scale: float
) -> None:
    ours, torchjds = GradVac(beta), GradVacWeighting(beta)
    torch.manual_seed(3)
    expected = [(torchjds(each), torchjds._phi_t.clone()) for each in gramians(tasks)]
    torch.manual_seed(3)
    for gramian, (weights, averages) in zip(gramians(tasks), expected, strict=True):
        assert_close(ours(gramian * scale), weights, rtol=1e-9, atol=1e-9)
        assert_close(ours.phi, averages, rtol=1e-9, atol=1e-9)


def test_first_step_of_two_tasks_is_that_of_pcgrad() -> None:
    two = torch.tensor([[1.0, -1.0], [-1.0, 4.0]], dtype=torch.float64)
    assert_close(GradVac(eps=1e-12)(two), PCGrad()(two), rtol=1e-9, atol=1e-9)


def test_task_without_a_gradient_keeps_its_averages_and_disturbs_no_other() -> None:
    weighting, alone = GradVac(), GradVac()
    for gramian in gramians(3)[:2]:
        weighting(gramian)
    before = weighting.phi.clone()
    gap = gramians(3)[2]
    gap[1], gap[:, 1] = 0, 0
    weights = weighting(gap)
    keep = [0, 2]
    assert_close(weighting.phi[1], before[1], rtol=0, atol=0)
    assert_close(weighting.phi[:, 1], before[:, 1], rtol=0, atol=0)
    assert not torch.allclose(weighting.phi[0, 2], before[0, 2], atol=1e-3)
    alone.phi = before[keep][:, keep]
    assert_close(weights[keep], alone(gap[keep][:, keep]), rtol=1e-6, atol=1e-6)
    assert weights[1] == 1


def test_averages_start_anew_for_another_number_of_tasks() -> None:
    weighting, fresh = GradVac(), GradVac()
    weighting(gramians(5)[0])
    for each in (weighting, fresh):
        torch.manual_seed(0)
        each(gramians(3)[0])
    assert_close(weighting.phi, fresh.phi)


def test_averages_can_be_saved_and_are_not_changed_afterwards() -> None:
    whole, first, second = GradVac(), GradVac(), GradVac()
    assert whole.phi is None
    steps = gramians(4)
    torch.manual_seed(5)
    expected = [whole(each) for each in steps]
    torch.manual_seed(5)
    found = [first(each) for each in steps[:3]]
    file = io.BytesIO()
    torch.save(first.phi, file)
    file.seek(0)
    kept = second.phi = torch.load(file, weights_only=True)
    copy = kept.clone()
    found += [second(each) for each in steps[3:]]
    assert_close(torch.stack(found), torch.stack(expected), rtol=0, atol=0)
    assert kept.equal(copy)
