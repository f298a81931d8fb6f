"""The head with hidden layers."""

from __future__ import annotations

import torch
from torch import nn

from multitask.heads import MLPHead


def test_hidden_layers_have_the_given_widths() -> None:
    head = MLPHead(8, 3, hidden=[16, 5])
    shapes = [tuple(each.weight.shape) for each in head.modules() if isinstance(each, nn.Linear)]
    assert shapes == [(16, 8), (5, 16), (3, 5)]
    assert head(torch.zeros(4, 8)).shape == (4, 3)


def test_without_hidden_layers_it_is_linear() -> None:
    head = MLPHead(8, 3, hidden=[])
    values = torch.randn(4, 8)
    torch.testing.assert_close(head(2 * values) - head(values), head(values) - head(0 * values))


def test_output_is_not_cut_off_at_zero() -> None:
    torch.manual_seed(0)
    assert (MLPHead(8, 30)(torch.randn(100, 8)) < 0).any()


def test_dropout_acts_in_training_only() -> None:
    head, values = MLPHead(8, 3, dropout=0.5), torch.ones(1, 8)
    assert len({head(values).sum().item() for _ in range(20)}) > 1
    head.eval()
    assert len({head(values).sum().item() for _ in range(20)}) == 1
