"""Random numbers that depend on the seed and the step alone."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from multitask.balancing.seeding import seeded


def drawn(seed: int, step: int) -> Tensor:
    with seeded(seed, step, torch.device("cpu")):
        return torch.rand(4)


def test_what_was_drawn_before_does_not_matter() -> None:
    torch.manual_seed(1)
    first = drawn(7, 3)
    torch.rand(5)
    assert torch.equal(drawn(7, 3), first)


@pytest.mark.parametrize(("seed", "step"), [(7, 4), (8, 3), (3, 7), (-7, 3), (2**63, 3)])
def test_another_seed_or_step_draws_other_numbers(seed: int, step: int) -> None:
    assert not torch.equal(drawn(seed, step), drawn(7, 3))


def test_numbers_drawn_around_it_are_left_as_they_were() -> None:
    torch.manual_seed(1)
    expected = torch.rand(6)
    torch.manual_seed(1)
    before = torch.rand(3)
    drawn(7, 3)
    assert torch.equal(torch.cat([before, torch.rand(3)]), expected)
