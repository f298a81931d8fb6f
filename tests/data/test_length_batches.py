"""Batches of texts that are about as long."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest
import torch
from tiny_reviews import SAMPLES, TinyReviews
from tiny_training import TinyData
from torch import Tensor

from multitask.data import Mixture
from multitask.data.length_batches import ByLength, text_lengths
from multitask.errors import InputError

LENGTHS = torch.randint(1, 90, (103,), generator=torch.Generator().manual_seed(0))


def batches(epoch: int = 0, **options: Any) -> list[Tensor]:
    defaults: dict[str, Any] = {"lengths": LENGTHS, "window": 4, "batch_size": 8, "seed": 0}
    sampler = ByLength(**(defaults | options))
    sampler.set_epoch(epoch)
    found = list(sampler)
    assert len(found) == len(sampler)
    return found


def padded(found: list[Tensor]) -> int:
    """Places of all batches that are cut to their longest text."""
    return sum(len(each) * int(LENGTHS[each].max()) for each in found)


def test_a_batch_holds_texts_about_as_long() -> None:
    found = batches()
    assert torch.cat(found).unique().numel() == 12 * 8
    shuffled = batches(window=1)
    assert padded(found) < 0.8 * padded(shuffled)
    # One window is all there is: only the order of the batches is left to chance.
    whole = batches(window=10**30)
    ends = sorted((int(LENGTHS[each].min()), int(LENGTHS[each].max())) for each in whole)
    assert all(one[1] <= other[0] for one, other in pairwise(ends))


def test_long_texts_come_at_any_time() -> None:
    longest = [[int(LENGTHS[each].max()) for each in batches(epoch)] for epoch in range(2)]
    assert longest[0] != sorted(longest[0])
    assert longest[0] != longest[1]


def test_each_epoch_has_an_order_of_its_own_that_depends_on_the_seed_alone() -> None:
    def order(seed: int, epoch: int) -> tuple[int, ...]:
        return tuple(torch.cat(batches(epoch, seed=seed)).tolist())

    pairs = [(seed, epoch) for seed in range(3) for epoch in range(3)]
    assert len({order(*pair) for pair in pairs}) == len(pairs)
    assert order(1, 2) == order(1, 2)
    left_out = {frozenset(range(103)) - frozenset(order(0, epoch)) for epoch in range(20)}
    assert len(frozenset().union(*left_out)) > 60


@pytest.mark.parametrize("world_size", [2, 3])
def test_processes_share_the_batches_of_one(world_size: int) -> None:
    shares = [batches(rank=rank, world_size=world_size) for rank in range(world_size)]
    for whole, *parts in zip(batches(), *shares, strict=True):
        assert torch.cat(parts).sort().values.tolist() == whole.sort().values.tolist()
        sizes = [len(each) for each in parts]
        assert max(sizes) - min(sizes) <= 1
        # None has the long ones alone.
        tokens = [float(LENGTHS[each].float().mean()) for each in parts]
        assert max(tokens) - min(tokens) < float(LENGTHS[whole].max() - LENGTHS[whole].min())


def test_a_samples_place_does_not_depend_on_the_processes() -> None:
    """Random changes of a sample are drawn by its place."""

    def places(world_size: int) -> dict[int, int]:
        found: dict[int, int] = {}
        for rank in range(world_size):
            sampler = ByLength(LENGTHS, 4, 8, 0, rank, world_size)
            rows, at = sampler.share(1, 3).tolist(), sampler.places(1, 3).tolist()
            found |= dict(zip(rows, at, strict=True))
        return found

    assert places(1) == places(2) == places(3)


def test_lengths_are_those_of_all_texts() -> None:
    data = TinyReviews()
    data.setup()
    train = data.splits["train"]
    text = train.inputs(torch.arange(SAMPLES))["text"]
    assert torch.equal(text_lengths(train), (text >= 0).sum(1))


def test_the_loader_has_such_batches_and_goes_on_where_it_stopped() -> None:
    loader = TinyReviews(by_length=2).train_dataloader()
    whole = [each["index"].tolist() for each in loader]
    other = TinyReviews(by_length=2).train_dataloader()
    other.load_state_dict({"epoch": 0, "taken": 1})
    assert [each["index"].tolist() for each in other] == whole[1:]
    assert whole != [each["index"].tolist() for each in TinyReviews().train_dataloader()]


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (lambda: TinyReviews(by_length=0), "by_length is 0; give at least 1, such as 50"),
        (
            lambda: TinyReviews(by_length=2, balanced_by="topic"),
            "balanced_by and by_length both determine what a batch contains",
        ),
        (
            lambda: TinyReviews(by_length=2, labelled_per_batch=2),
            "labelled_per_batch and by_length both determine",
        ),
        (
            lambda: TinyData(by_length=2),
            "by_length sorts texts by .* but there are no texts",
        ),
        (
            lambda: Mixture({"one": TinyReviews()}, ratios="equal", by_length=2),
            "by_length and ratios both determine",
        ),
        (
            lambda: Mixture({"one": TinyReviews(by_length=2)}),
            "source 'one' sets by_length, but batches mix its samples with others",
        ),
    ],
)
def test_what_cannot_be_is_refused(data: Any, words: str) -> None:
    with pytest.raises(InputError, match=words):
        data().train_dataloader()
