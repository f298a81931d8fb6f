"""How many samples of each source a batch has."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from multitask.data.mixed_batches import MixedBatches

SIZES = [50, 20, 7]
RATIOS = [[1.0, 1.0, 1.0], [5.0, 3.0, 1.0], [0.7, 0.2, 0.1], [1.0, 100.0, 2.5], [1e-3, 1.0, 1.0]]


def sampler(**options: Any) -> MixedBatches:
    defaults: dict[str, Any] = {"sizes": SIZES, "ratios": [1.0, 1.0, 1.0], "batch_size": 8}
    return MixedBatches(**({"seed": 0} | defaults | options))


def drawn(batch: Tensor) -> list[int]:
    """How many of the batch's samples are of each source."""
    return [
        int(((batch >= low) & (batch < high)).sum()) for low, high in ((0, 50), (50, 70), (70, 77))
    ]


@pytest.mark.parametrize("ratios", RATIOS, ids=str)
@pytest.mark.parametrize("batch_size", [1, 8, 9])
def test_each_batch_has_a_source_s_share_rounded_down_or_up(
    ratios: list[float], batch_size: int
) -> None:
    found = sampler(ratios=ratios, batch_size=batch_size)
    shares = [batch_size * ratio / sum(ratios) for ratio in ratios]
    for epoch in range(3):
        batches = found.global_batches(epoch)
        assert len(batches) == len(found) == 77 // batch_size
        for batch in batches:
            assert len(batch) == batch_size
            for count, share in zip(drawn(batch), shares, strict=True):
                assert abs(count - share) < 1


@pytest.mark.parametrize(
    ("ratios", "period"),
    [([1, 1, 1], 3), ([0.7, 0.2, 0.1], 10), ([5, 3, 1], 9), ([0.1, 0.3, 2], 24)],
)
def test_shares_come_out_exactly_over_the_epochs(ratios: list[float], period: int) -> None:
    batch_size, epochs = 8, period
    found = sampler(ratios=ratios, batch_size=batch_size)
    # As many batches as are a multiple of the period, and no epoch is one.
    counts = torch.tensor(
        [drawn(each) for at in range(epochs) for each in found.global_batches(at)]
    )
    assert len(counts) == 9 * period
    expected = [len(counts) * batch_size * ratio / sum(ratios) for ratio in ratios]
    assert counts.sum(0).tolist() == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("ratios", RATIOS, ids=str)
def test_shares_are_nearly_exact_at_any_time(ratios: list[float]) -> None:
    found = sampler(ratios=ratios)
    counts = torch.tensor([found.counts(batch) for batch in range(500)]).cumsum(0)
    shares = torch.tensor(ratios, dtype=torch.float64) * 8 / sum(ratios)
    assert (counts - torch.arange(1, 501).unsqueeze(1) * shares).abs().max() < 4


def test_a_small_source_comes_round_evenly() -> None:
    seen = torch.cat(sampler().global_batches(0)).bincount(minlength=77)
    large, middle, small = seen.split(SIZES)
    assert large.max() == 1
    assert middle.min() >= 1
    assert small.min() >= 3
    for counts in (large, middle, small):
        assert counts.max() - counts.min() <= 1


def test_order_is_new_in_each_epoch_and_the_same_for_the_same_seed() -> None:
    orders = {
        (seed, epoch): torch.cat(sampler(seed=seed).global_batches(epoch)).tolist()
        for seed in range(2)
        for epoch in range(2)
    }
    assert len(set(map(tuple, orders.values()))) == 4
    assert orders[1, 1] == torch.cat(sampler(seed=1).global_batches(1)).tolist()


def test_order_does_not_touch_the_global_random_state() -> None:
    before = torch.get_rng_state()
    sampler().global_batches(0)
    assert torch.equal(before, torch.get_rng_state())


@pytest.mark.parametrize("world_size", [2, 3])
def test_shares_of_processes_join_to_the_batch_of_one(world_size: int) -> None:
    for epoch in range(2):
        shares = [sampler(rank=rank, world_size=world_size) for rank in range(world_size)]
        for each in shares:
            each.set_epoch(epoch)
        whole = sampler().global_batches(epoch)
        for parts, expected in zip(zip(*shares, strict=True), whole, strict=True):
            assert torch.equal(torch.cat(parts), expected)


def test_processes_get_each_source_alike() -> None:
    share = torch.cat(list(sampler(sizes=[800, 800, 800], rank=0, world_size=2)))
    counts = torch.bincount(share // 800, minlength=3) / len(share)
    assert counts.tolist() == pytest.approx([1 / 3] * 3, abs=0.05)
