"""GradDrop: one sign for each feature, judged at the activations over the whole batch."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
import torch
from torch import Tensor
from torch.testing import assert_close

from multitask.balancing import GradDrop

FEATURES = 20_000
ACTIVATIONS = [2.0, -0.5]
"""Of two samples; times their signs, the first task's gradients add to 3, the second's to -2."""
FIRST, SECOND = [1.0, -2.0], [1.0, 3.0]


@pytest.fixture(autouse=True)
def _seeded() -> None:
    torch.manual_seed(0)


def columns(values: Sequence[float]) -> Tensor:
    """The same values for each feature, shape ``[values, features]``."""
    return torch.tensor(values)[:, None].expand(-1, FEATURES)


def share(found: Tensor, expected: Sequence[float]) -> float:
    """Of how many features the values are the expected ones."""
    return float(found.isclose(columns(expected)).all(0).double().mean())


def test_signs_are_judged_at_the_activations_over_the_batch() -> None:
    gradients = torch.stack([columns(FIRST), columns(SECOND)])
    found = GradDrop().at(gradients, columns(ACTIVATIONS))
    # Purity: (1 + (3 - 2) / (3 + 2)) / 2.
    assert share(found, FIRST) == pytest.approx(0.6, abs=0.02)
    assert share(found, FIRST) + share(found, SECOND) == 1


def test_leak_lets_a_share_of_the_other_sign_pass() -> None:
    gradients = torch.stack([columns(FIRST), columns(SECOND)])
    found = GradDrop(leak=0.25).at(gradients, columns(ACTIVATIONS))
    # 1 + 0.25, -2 + 0.75; 0.25 + 1, -0.5 + 3.
    assert share(found, [1.25, -1.25]) == pytest.approx(0.6, abs=0.02)
    assert share(found, [1.25, -1.25]) + share(found, [1.25, 2.5]) == 1


def test_leak_of_1_is_the_sum() -> None:
    gradients = torch.randn(3, 4, 5)
    assert_close(GradDrop(leak=1.0).at(gradients, torch.randn(4, 5)), gradients.sum(0))


def test_without_activations_each_element_is_judged_by_its_own_sign() -> None:
    found = GradDrop()(torch.stack([*columns([3.0, 1.0, -1.0]), torch.zeros(FEATURES)]))[None]
    assert share(found, [4.0]) == pytest.approx(0.8, abs=0.02)
    assert share(found, [4.0]) + share(found, [-1.0]) == 1


@pytest.mark.parametrize("sign", [-1, 1])
def test_gradients_of_one_sign_all_pass(sign: int) -> None:
    gradients = sign * torch.rand(3, 4, 5)
    assert_close(GradDrop().at(gradients, torch.ones(4, 5)), gradients.sum(0))


def test_features_that_nobody_pulls_at_stay_at_zero() -> None:
    assert GradDrop()(torch.zeros(2, 3)).tolist() == [0, 0, 0]
    # A rectified feature that is off in the whole batch.
    assert GradDrop().at(torch.ones(2, 4, 3), torch.zeros(4, 3)).count_nonzero() == 0
