"""Which samples make which batch."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from multitask.data.sampling import GlobalBatches, LabelledAndUnlabelled
from multitask.errors import InputError

LABELLED = torch.arange(50) % 7 == 0


def batches(epoch: int = 0, **options: Any) -> list[Tensor]:
    defaults: dict[str, Any] = {"size": 50, "batch_size": 8, "seed": 0, "shuffle": True}
    sampler = GlobalBatches(**(defaults | options))
    sampler.set_epoch(epoch)
    found = list(sampler)
    assert len(found) == len(sampler)
    return found


def mixed(epoch: int = 0, **options: Any) -> list[Tensor]:
    defaults: dict[str, Any] = {
        "labelled": LABELLED,
        "batch_size": 8,
        "labelled_per_batch": 3,
        "seed": 0,
    }
    sampler = LabelledAndUnlabelled(**(defaults | options))
    sampler.set_epoch(epoch)
    found = list(sampler)
    assert len(found) == len(sampler)
    return found


@pytest.mark.parametrize("world_size", [1, 2, 3])
@pytest.mark.parametrize("shuffle", [True, False])
def test_shares_join_to_the_batch_of_one_process(world_size: int, shuffle: bool) -> None:
    whole = batches(shuffle=shuffle)
    shares = [
        batches(shuffle=shuffle, rank=rank, world_size=world_size) for rank in range(world_size)
    ]
    assert {len(share) for share in shares} == {len(whole)}
    for parts, expected in zip(zip(*shares, strict=True), whole, strict=True):
        assert torch.equal(torch.cat(parts), expected)
        sizes = [len(part) for part in parts]
        assert max(sizes) - min(sizes) <= 1


@pytest.mark.parametrize("world_size", [1, 2, 3])
@pytest.mark.parametrize("size", [1, 48, 50])
def test_each_validation_sample_comes_exactly_once(size: int, world_size: int) -> None:
    seen = [
        torch.cat(batches(size=size, shuffle=False, rank=rank, world_size=world_size))
        for rank in range(world_size)
    ]
    assert torch.cat(seen).sort().values.tolist() == list(range(size))


def test_validation_keeps_the_datas_order_in_every_epoch() -> None:
    assert torch.cat(batches(shuffle=False, epoch=3)).tolist() == list(range(50))


def test_incomplete_training_batch_is_dropped() -> None:
    found = batches()
    assert [len(batch) for batch in found] == [8] * 6
    assert torch.cat(found).unique().numel() == 48
    assert torch.cat(batches(size=48)).unique().numel() == 48


def test_training_order_is_new_in_each_epoch_and_the_same_for_the_same_seed() -> None:
    def order(seed: int, epoch: int) -> tuple[int, ...]:
        return tuple(torch.cat(batches(seed=seed, epoch=epoch, batch_size=50)).tolist())

    pairs = [(seed, epoch) for seed in range(5) for epoch in range(5)]
    assert len({order(*pair) for pair in pairs}) == len(pairs)
    assert order(3, 2) == order(3, 2)
    assert sorted(order(3, 2)) == list(range(50)) != list(order(3, 2))


def test_order_does_not_touch_the_global_random_state() -> None:
    before = torch.get_rng_state()
    batches()
    mixed()
    assert torch.equal(before, torch.get_rng_state())


def test_first_batch_skips_the_batches_before() -> None:
    sampler = GlobalBatches(50, 8, 0, shuffle=True)
    sampler.first_batch = 4
    assert [each.tolist() for each in sampler] == [each.tolist() for each in batches()[4:]]


@pytest.mark.parametrize("epoch", [0, 1])
def test_every_batch_holds_the_fixed_number_of_labelled_samples(epoch: int) -> None:
    found = mixed(epoch)
    assert [int(LABELLED[batch].sum()) for batch in found] == [3] * 9
    assert [len(batch) for batch in found] == [8] * 9


@pytest.mark.parametrize("labelled_per_batch", [1, 3, 7])
def test_epoch_is_one_pass_over_the_unlabelled_samples(labelled_per_batch: int) -> None:
    seen = torch.cat(mixed(labelled_per_batch=labelled_per_batch))
    counts = seen.bincount(minlength=50)[~LABELLED]
    assert counts.min() >= 1
    # Only the last batch is filled up.
    assert (counts - 1).sum() < 8 - labelled_per_batch


def test_labelled_samples_come_round_evenly() -> None:
    counts = torch.cat(mixed()).bincount(minlength=50)[LABELLED]
    assert counts.sum() == 27
    assert counts.max() - counts.min() <= 1


def test_mixed_order_is_new_in_each_epoch() -> None:
    first, again, second = (torch.cat(mixed(epoch)).tolist() for epoch in (0, 0, 1))
    assert first == again != second
    assert first != torch.cat(mixed(seed=1)).tolist()


@pytest.mark.parametrize("world_size", [2, 3])
def test_shares_of_mixed_batches_join_to_the_batch_of_one_process(world_size: int) -> None:
    shares = [mixed(rank=rank, world_size=world_size) for rank in range(world_size)]
    for parts, expected in zip(zip(*shares, strict=True), mixed(), strict=True):
        assert torch.equal(torch.cat(parts), expected)


def test_processes_get_labelled_samples_alike() -> None:
    labelled = torch.arange(800) % 2 == 0
    shares = [
        torch.cat(mixed(labelled=labelled, labelled_per_batch=4, rank=rank, world_size=2))
        for rank in range(2)
    ]
    for share in shares:
        assert 0.4 < labelled[share].float().mean() < 0.6


@pytest.mark.parametrize("labelled_per_batch", [-1, 0, 8, 9])
def test_labelled_per_batch_must_leave_room_for_both(labelled_per_batch: int) -> None:
    with pytest.raises(InputError, match=f"is {labelled_per_batch}; choose from 1 to 7"):
        mixed(labelled_per_batch=labelled_per_batch)


@pytest.mark.parametrize(("value", "kind"), [(False, "no labelled"), (True, "no unlabelled")])
def test_both_kinds_of_samples_are_needed(value: bool, kind: str) -> None:
    with pytest.raises(InputError, match=f"{kind} samples.*labelled_per_batch to null"):
        mixed(labelled=torch.full((20,), value))
