"""The weighted sum of the losses."""

from __future__ import annotations

import torch

from multitask.balancing import FixedWeights


def test_losses_are_added() -> None:
    losses = torch.tensor([1.0, 2.0, 4.0], requires_grad=True)
    total = FixedWeights()(losses, torch.ones(3, dtype=torch.bool))
    total.backward()
    assert total == 7
    assert losses.grad is not None
    assert losses.grad.tolist() == [1, 1, 1]
