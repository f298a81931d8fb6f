"""The sum of the losses' logarithms."""

from __future__ import annotations

import math

import pytest
import torch
from torch.testing import assert_close

from multitask.balancing import ScaleInvariant


def test_logarithms_are_added() -> None:
    total = ScaleInvariant()(torch.tensor([1.0, math.e, math.e**-3]))
    assert_close(total, torch.tensor(-2.0))


def test_scale_of_a_loss_changes_no_gradient_of_what_it_depends_on() -> None:
    found = []
    for scale in (1.0, 1000.0):
        weight = torch.tensor(3.0, requires_grad=True)
        ScaleInvariant()(torch.stack([scale * weight.square(), weight + 1])).backward()
        found.append(weight.grad)
    assert_close(found, [torch.tensor(2 / 3 + 1 / 4)] * 2)


@pytest.mark.parametrize("epsilon", [1e-8, 1e-2])
def test_loss_of_zero_counts_as_epsilon_and_pulls_at_nothing(epsilon: float) -> None:
    losses = torch.tensor([0.0, 2.0], requires_grad=True)
    total = ScaleInvariant(epsilon)(losses)
    total.backward()
    assert_close(total, torch.tensor(math.log(epsilon) + math.log(2)))
    assert losses.grad is not None
    assert losses.grad.tolist() == [0, 0.5]
