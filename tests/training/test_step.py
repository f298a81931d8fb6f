"""What is kept of a training batch."""

from __future__ import annotations

from copy import deepcopy

import torch

from multitask.training import Step


def test_a_copy_has_the_numbers_without_the_graph() -> None:
    losses = torch.tensor([1.0, 2.0], requires_grad=True) * 3
    step = Step(4, torch.ones(2, 2), losses, (losses * torch.tensor([1.0, 0.5])).sum())
    step.find_balance()
    copy = deepcopy(step)
    assert copy.loss == step.loss
    assert not copy.loss.requires_grad
    assert not copy.losses.requires_grad
    assert step.loss.requires_grad
    assert copy.counted(torch.ones(2), None).tolist() == [1, 0.5]
