"""Means of what a network computed in the last training batches."""

from __future__ import annotations

import torch
from torch.testing import assert_close

from multitask.sharing.recent_mean import RecentMean, recent_mixing


def test_the_first_batches_count_alike() -> None:
    mean = RecentMean(2)
    assert mean.value() is None
    mean.update(torch.tensor([[1.0, 0.0], [0.0, 0.0]]))
    assert_close(mean.value(), torch.tensor([0.5, 0.0]))
    mean.update(torch.tensor([[0.5, 1.0]]))
    assert_close(mean.value(), torch.tensor([0.5, 0.5]), atol=0.01, rtol=0)


def test_a_batch_without_samples_and_evaluation_do_not_count() -> None:
    mean = RecentMean(1)
    mean.update(torch.empty(0, 1))
    mean.eval()
    mean.update(torch.ones(3, 1))
    assert mean.value() is None


def test_what_is_long_ago_is_forgotten() -> None:
    mean = RecentMean(1)
    for value in (0.0, 1.0):
        for _ in range(500):
            mean.update(torch.full((1, 1), value))
    found = mean.value()
    assert found is not None
    assert 0.99 < float(found) < 1


def test_nothing_is_told_before_every_part_was_seen() -> None:
    seen, other = RecentMean(2), RecentMean(2)
    seen.update(torch.tensor([[0.25, 0.75]]))
    assert recent_mixing("here", [[seen], [other]], ["one", "two"]) == {}
    told = recent_mixing("here", [[seen, seen]], ["one", "two", "three", "four"])["here"]
    assert told.shares.tolist() == [[0.25, 0.75, 0.25, 0.75]]
