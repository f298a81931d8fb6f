"""GradNorm: Adam steps of the losses' weights, by the norms of gradients and the rates."""

from __future__ import annotations

import io

import pytest
import torch
from torch import Tensor, nn
from torch.testing import assert_close

from multitask.balancing import GradNorm
from multitask.balancing.gate import gate
from multitask.balancing.task_gradients import TaskGradients

TASKS = ["a", "b", "c"]
ALL, WITHOUT_B = torch.ones(3, dtype=torch.bool), torch.tensor([True, False, True])
LOSSES = torch.tensor([[2.0, 1.0, 4.0], [1.0, 0.9, 5.0], [0.5, 0.9, 0.4], [0.6, 0.7, 0.5]])
NORMS = torch.tensor([[3.0, 1.0, 0.5], [1.0, 2.0, 0.7], [2.0, 1.0, 4.0], [0.1, 3.0, 1.0]])


def made(**options: float) -> GradNorm:
    balancer = GradNorm(**options)  # type: ignore[arg-type]
    balancer.check(TASKS)
    return balancer


def step(balancer: GradNorm, losses: Tensor, norms: Tensor, labelled: Tensor = ALL) -> Tensor:
    """A batch in which the unweighted losses' gradients have these norms; returns the weights."""
    balancer(losses * labelled, labelled)
    units = torch.nn.functional.normalize(torch.tensor([[1.0, 2.0], [0.0, 1.0], [3.0, -1.0]]))
    rows = (balancer.weights.detach() * norms * labelled)[:, None] * units
    balancer.combine(TaskGradients([torch.zeros(1, 2)], [rows[:, None]], 3))
    return balancer.weights.detach().clone()


def test_steps_are_the_papers() -> None:
    alpha, rate = 0.7, 0.1
    balancer = made(alpha=alpha, learning_rate=rate)
    weights, mean, square = torch.ones(3), torch.zeros(3), torch.zeros(3)
    for count, (losses, norms) in enumerate(zip(LOSSES, NORMS, strict=True), 1):
        ratios = losses / LOSSES[0]
        target = (weights * norms).mean() * (ratios / ratios.mean()) ** alpha
        slope = torch.sign(weights * norms - target) * norms
        mean, square = 0.9 * mean + 0.1 * slope, 0.999 * square + 0.001 * slope**2
        weights = weights - rate * (mean / (1 - 0.9**count)) / (
            (square / (1 - 0.999**count)).sqrt() + 1e-8
        )
        weights = 3 * weights / weights.sum()
        assert_close(step(balancer, losses, norms), weights)


def test_losses_are_weighted_for_encoder_and_heads_but_the_weights_are_not_descended() -> None:
    balancer = made()
    weights = step(balancer, LOSSES[0], NORMS[0])
    features, head = torch.ones(2, requires_grad=True), nn.Linear(2, 1, bias=False)
    views = gate(features, TASKS, balancer.combine)
    balancer(torch.stack([head(views["a"])[0], *LOSSES[0, 1:]]), ALL).backward()
    assert_close(features.grad, weights[0] * head.weight[0])
    assert_close(head.weight.grad, weights[0].expand(1, 2))
    assert not balancer(LOSSES[0], ALL).requires_grad
    assert balancer.keeps_for_itself() == ["weights"]


def test_without_asymmetry_large_gradients_lose_weight() -> None:
    weights = step(made(alpha=0.0), LOSSES[0], NORMS[0])
    assert weights[0] < 1 < weights[1]


def test_slow_task_gains_weight_where_gradients_are_alike() -> None:
    balancer = made(alpha=1.5)
    before = step(balancer, LOSSES[0], torch.ones(3))
    after = step(balancer, LOSSES[0] * torch.tensor([0.5, 0.9, 0.5]), 1 / before)
    assert after[1] > before[1]


def test_rate_of_a_task_starts_with_its_first_labelled_batch() -> None:
    balancer = made()
    step(balancer, LOSSES[0], NORMS[0], WITHOUT_B)
    step(balancer, LOSSES[1], NORMS[1])
    step(balancer, LOSSES[2], NORMS[2])
    first = balancer.get_extra_state()["first"]
    assert_close(first.float(), torch.tensor([LOSSES[0, 0], LOSSES[1, 1], LOSSES[0, 2]]))


def test_present_tasks_are_compared_among_themselves() -> None:
    # Equal gradients and rates: already where they should be, which a third task's zero would hide.
    balancer = made()
    assert_close(step(balancer, LOSSES[0], torch.full((3,), 2.0), WITHOUT_B), torch.ones(3))


def test_the_weight_of_a_task_without_labels_stays() -> None:
    balancer = made()
    before = step(balancer, LOSSES[0], NORMS[0]).clone()
    after = step(balancer, LOSSES[1], NORMS[1], WITHOUT_B)
    assert after[1] == before[1]
    assert not torch.equal(after, before)
    assert_close(after.sum(), torch.tensor(3.0))


@pytest.mark.parametrize(
    ("norms", "labelled"), [(NORMS[1], ~ALL), (torch.tensor([1.0, torch.inf, 1.0]), ALL)]
)
def test_batch_without_labels_or_with_an_overflow_teaches_nothing(
    norms: Tensor, labelled: Tensor
) -> None:
    balancer, undisturbed = made(), made()
    for each in (balancer, undisturbed):
        step(each, LOSSES[0], NORMS[0])
    before = balancer.weights.detach().clone()
    assert torch.equal(step(balancer, LOSSES[1], norms, labelled), before)
    later = step(balancer, LOSSES[2], NORMS[2])
    assert_close(later, step(undisturbed, LOSSES[2], NORMS[2]))


def test_weights_stay_positive_and_sum_to_the_number_of_tasks() -> None:
    balancer = made(learning_rate=1.2)
    for losses, norms in zip(LOSSES, NORMS, strict=True):
        weights = step(balancer, losses, norms)
        assert (weights > 0).all()
        assert_close(weights.sum(), torch.tensor(3.0))


def test_resumed_balancing_goes_on_as_if_never_stopped() -> None:
    balancer, resumed = made(), made()
    for place in (0, 1):
        step(balancer, LOSSES[place], NORMS[place])
    file = io.BytesIO()
    torch.save(balancer.state_dict(), file)
    file.seek(0)
    resumed.load_state_dict(torch.load(file, weights_only=True))
    for place in (2, 3):
        expected = step(balancer, LOSSES[place], NORMS[place])
        assert torch.equal(step(resumed, LOSSES[place], NORMS[place]), expected)


def test_at_level_shared_the_parameters_gradients_are_compared() -> None:
    # Both tasks pull alike at the representation, but only the first one's feature is lit.
    encoder = nn.Linear(2, 2, bias=False)
    balancer = GradNorm(level="shared")
    balancer.check(["a", "b"])
    balancer.connect(encoder)
    views = gate(encoder(torch.eye(2) * torch.tensor([[1.0], [0.1]])), ["a", "b"], balancer.combine)
    balancer(torch.stack([views["a"][0].sum(), views["b"][1].sum()]).abs(), ALL[:2]).backward()
    assert_close(balancer.weights.detach(), torch.tensor([0.975, 1.025]))
