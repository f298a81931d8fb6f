"""The coefficient of determination."""

from __future__ import annotations

import pytest
import torch
from sklearn.metrics import r2_score
from torch import Tensor

from multitask.tasks.r2 import R2


def r2(prediction: Tensor, target: Tensor, weighted: bool = False) -> float:
    metric = R2(target.shape[1], weighted)
    metric.update(prediction, target)
    return metric.compute().item()


@pytest.fixture
def values() -> Tensor:
    return torch.randn(50, 2, generator=torch.Generator().manual_seed(0)) * torch.tensor([1, 9.0])


@pytest.mark.parametrize("weighted", [False, True])
def test_perfect_predictions_give_1_and_the_mean_gives_0(values: Tensor, weighted: bool) -> None:
    assert r2(values, values, weighted) == 1
    assert r2(values.mean(0).expand_as(values), values, weighted) == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize("weighted", [False, True])
def test_element_that_does_not_vary_is_left_out(values: Tensor, weighted: bool) -> None:
    guess = values + 0.5
    expected = r2_score(values[:, 0], guess[:, 0])
    constant = torch.cat([values[:, :1], torch.zeros(50, 1)], 1)
    assert r2(guess, constant, weighted) == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("constant", [0.0, 0.1, 0.37, -3.3, 12.7])
def test_without_variation_there_is_no_coefficient(constant: float) -> None:
    # Seen from the training mean a constant is seldom 0.
    guess = torch.randn(101, 1, generator=torch.Generator().manual_seed(0))
    assert torch.tensor(r2(guess, torch.full((101, 1), constant))).isnan()


def test_batches_add_up(values: Tensor) -> None:
    guess, metric = values * 0.8, R2(2, weighted=False)
    for rows in torch.arange(50).split([1, 20, 29]):
        metric.update(guess[rows], values[rows])
    assert metric.compute().item() == pytest.approx(r2(guess, values), abs=1e-6)
