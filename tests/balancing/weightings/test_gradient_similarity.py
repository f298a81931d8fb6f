"""Auxiliary tasks count while their gradients do not oppose the primary task's."""

from __future__ import annotations

import warnings

import pytest
import torch
from conformance.training import small_model
from torch import Tensor

from multitask.balancing import GradientBalancer
from multitask.balancing.task_gradients import TaskGradients
from multitask.balancing.weightings import GradientSimilarity
from multitask.errors import InputError

TASKS = ["a", "b", "c"]
ROWS = torch.tensor([[1.0, 0.0], [1.0, 1.0], [-3.0, 0.1]])
ALL = torch.ones(3, dtype=torch.bool)


def made(primary: list[str], weighted: bool = False) -> GradientBalancer:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        balancer = GradientBalancer(GradientSimilarity(primary, weighted))
        balancer.check(TASKS)
    return balancer


def step(balancer: GradientBalancer, rows: Tensor, labelled: Tensor = ALL) -> list[float]:
    balancer(torch.ones(3) * labelled, labelled)
    rows = rows * labelled[:, None]
    balancer.combine(TaskGradients([torch.zeros(1, 2)], [rows[:, None]], 3))
    return balancer.weights.tolist()


def test_a_task_that_opposes_the_primary_one_is_turned_off() -> None:
    assert step(made(["a"]), ROWS) == [1, 1, 0]
    assert step(made(["c"]), ROWS) == [0, 0, 1]
    # Orthogonal gradients do not oppose.
    assert step(made(["a"]), torch.tensor([[1.0, 0], [0, 1], [0, -2]])) == [1, 1, 1]


def test_weighted_it_counts_as_much_as_the_cosine() -> None:
    found = step(made(["a"], weighted=True), ROWS)
    assert found == pytest.approx([1, 0.5**0.5, 0], abs=1e-7)
    # Of several primary tasks, with the sum of their gradients.
    both = step(made(["a", "b"], weighted=True), torch.tensor([[1.0, 0], [0, 1], [1, 1]]))
    assert both == pytest.approx([1, 1, 1])


def test_without_the_primary_tasks_label_the_others_count_as_they_last_did() -> None:
    balancer = made(["a"])
    without, lone = torch.tensor([False, True, True]), torch.tensor([True, False, True])
    assert step(balancer, ROWS, without)[1:] == [1, 1]
    assert step(balancer, ROWS) == [1, 1, 0]
    assert step(balancer, ROWS, without) == [1, 1, 0]
    # The absent one keeps its weight while the other is compared again.
    assert step(balancer, -ROWS.abs(), lone) == [1, 1, 1]
    assert step(balancer, ROWS, ~ALL) == [1, 1, 1]


def test_what_it_last_found_is_in_the_checkpoint() -> None:
    balancer, resumed = made(["a"]), made(["a"])
    step(balancer, ROWS)
    resumed.set_extra_state(balancer.get_extra_state())
    without = torch.tensor([False, True, True])
    assert step(resumed, ROWS, without) == step(balancer, ROWS, without) == [1, 1, 0]


def test_primary_tasks_that_cannot_be() -> None:
    with pytest.raises(InputError, match="primary is empty"):
        GradientSimilarity([])
    balancer = GradientBalancer(GradientSimilarity(["knd"]), level="shared")
    with pytest.raises(InputError, match="'knd', which is not a task; did you mean 'kind'"):
        small_model(balancer)
    balancer = GradientBalancer(GradientSimilarity(["kind"]), level="shared")
    with pytest.raises(InputError, match="teaches is 0 for the primary task 'kind'"):
        small_model(balancer, teaches=(0, 1, 1))
