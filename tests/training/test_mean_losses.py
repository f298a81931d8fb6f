"""Means over known targets."""

from __future__ import annotations

import pytest
import torch
from torch.testing import assert_close

from multitask.training.mean_losses import EXACT, MeanLosses, mean_where_labelled


def test_mean_is_over_targets_not_over_batches() -> None:
    losses = MeanLosses(2)
    losses.update(torch.tensor([[10.0, 1.0], [1.0, 4.0]]))
    losses.update(torch.tensor([[2.0, 0.0], [3.0, 0.0]]))
    assert_close(losses.compute(), torch.tensor([[3.0, 0.25], [4.0, 4.0]], dtype=EXACT))


def test_task_without_a_label_has_no_mean() -> None:
    losses = MeanLosses(2)
    losses.update(torch.tensor([[1.0, 0.0], [2.0, 0.0]]))
    means, counts = losses.compute()
    assert means.isnan().tolist() == [False, True]
    assert counts.tolist() == [2, 0]


def test_means_of_a_single_task_keep_their_shape() -> None:
    losses = MeanLosses(1)
    losses.update(torch.tensor([[1.0], [2.0]]))
    assert losses.compute().tolist() == [[0.5], [2]]


def test_half_precision_totals_are_added_in_single_precision() -> None:
    losses = MeanLosses(1)
    for _ in range(5000):
        losses.update(torch.ones(2, 1, dtype=torch.bfloat16))
    assert losses.counts.item() == 5000


def test_mean_and_gradient_where_labelled() -> None:
    sums = torch.tensor([6.0, 0.0], requires_grad=True)
    means = mean_where_labelled(torch.stack([sums, torch.tensor([4.0, 0.0])]))
    assert means.tolist() == [1.5, 0]
    means.sum().backward()
    assert sums.grad is not None
    assert sums.grad[0] == 0.25
    assert sums.grad[1].isfinite()


def test_weights_below_1_are_divided_by_as_they_are() -> None:
    assert mean_where_labelled(torch.tensor([[0.1], [0.2]])).item() == 0.5


@pytest.mark.skipif(torch.float32 == EXACT, reason="the device has no double precision")
def test_more_pixels_than_single_precision_can_count() -> None:
    losses = MeanLosses(1)
    losses.update(torch.tensor([[2.0**24], [2.0**24]]))
    for _ in range(3):
        losses.update(torch.tensor([[1.0], [1.0]]))
    assert losses.compute()[1].item() == 2**24 + 3
