"""What every sharing scheme can do, and what is said of an old one."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from multitask.encoders import Form
from multitask.errors import InputError
from multitask.sharing import HardSharing, Sharing

from .conftest import Make


class Heavy(HardSharing):
    """Penalises a parameter of its own."""

    def __init__(self, form: Form, tasks: list[str]) -> None:
        super().__init__(form, tasks)
        self.own = nn.Parameter(torch.tensor(3.0))

    def penalty(self) -> Tensor:
        return self.own.square()


def test_a_scheme_that_takes_a_number_of_features_is_told_what_it_gets_now() -> None:
    class Old(Sharing):
        def __init__(self, in_features: int, tasks: list[str]) -> None:
            pass

        def forward(self, views: dict[str, Any]) -> dict[str, Any]:
            return views

    with pytest.raises(InputError, match="Old accepts in_features; a scheme accepts form in its"):
        Old(5, ["a"])


def test_a_penalty_is_added_behind_the_balancer(model: Make, batch: dict[str, Tensor]) -> None:
    class Step:
        world_size = 1

    plain, heavy = model(), model(partial(Heavy))
    heavy.load_state_dict({**heavy.state_dict(), **plain.state_dict()})
    losses = []
    for each in (plain, heavy):
        each._trainer = Step()  # type: ignore[assignment]
        losses.append(each.training_step(batch, 0))
    assert float(losses[1] - losses[0]) == pytest.approx(9)
    assert heavy.step is not None
    # How much each task counts does not depend on it.
    heavy.step.find_balance()
    assert heavy.step.counted(torch.ones(3), None).tolist() == [1, 1, 1]
