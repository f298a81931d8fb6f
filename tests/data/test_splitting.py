"""Random partitions and few labels."""

from __future__ import annotations

import pytest
import torch

from multitask.data.splitting import hold_out, keep_labels_per_class, random_split
from multitask.errors import InputError


def test_split_is_a_partition_of_the_given_sizes() -> None:
    parts = random_split(20, 5, 3, seed=0)
    assert {name: len(rows) for name, rows in parts.items()} == {"train": 12, "val": 5, "test": 3}
    assert torch.cat(list(parts.values())).sort().values.tolist() == list(range(20))


def test_split_follows_the_seed() -> None:
    first, same, other = (random_split(50, 5, 3, seed)["train"].tolist() for seed in (0, 0, 1))
    assert first == same != other
    assert first != sorted(first)


@pytest.mark.parametrize(("val", "test"), [(0, 5), (5, 0), (5, 5), (9, 9), (-1, 3)])
def test_every_split_needs_a_sample(val: int, test: int) -> None:
    with pytest.raises(InputError, match=f"{val} validation and {test} test samples") as error:
        random_split(10, val, test, seed=0)
    assert "taken from 10" in str(error.value)


def test_smallest_possible_split() -> None:
    assert len(random_split(3, 1, 1, seed=0)["train"]) == 1


def test_kept_labels_are_right_and_as_many_as_asked() -> None:
    labels = torch.arange(60) % 3
    kept = keep_labels_per_class(labels, 4, seed=0)
    known = kept != -100
    assert torch.equal(kept[known], labels[known])
    assert kept[known].bincount().tolist() == [4, 4, 4]
    assert torch.equal(kept, keep_labels_per_class(labels, 4, seed=0))
    assert not torch.equal(kept, keep_labels_per_class(labels, 4, seed=1))
    assert torch.equal(labels, torch.arange(60) % 3)


def test_all_labels_of_a_class_can_be_kept() -> None:
    labels = torch.tensor([1, 1, 0, 0])
    assert torch.equal(keep_labels_per_class(labels, 2, seed=0), labels)


@pytest.mark.parametrize("count", [0, -1, 3])
def test_class_with_too_few_samples_is_named(count: int) -> None:
    labels = torch.tensor([0, 0, 0, 1, 1])
    with pytest.raises(InputError, match=f"labels_per_class is {count}, but class [01] has"):
        keep_labels_per_class(labels, count, seed=0)
    with pytest.raises(InputError, match="class 1 has 2 training samples; choose from 1"):
        keep_labels_per_class(labels, 3, seed=0)


def test_hold_out_takes_the_same_share_of_every_class_at_random() -> None:
    labels = torch.tensor([0] * 7 + [1] * 100 + [2] * 33 + [-100] * 60)[torch.randperm(200)]
    stays, held_out = hold_out(labels, 0.3, seed=0)
    assert torch.cat([stays, held_out]).sort().values.tolist() == list(range(200))
    assert len(held_out) == 60
    for label, members in ((0, 7), (1, 100), (2, 33), (-100, 60)):
        assert abs(int((labels[held_out] == label).sum()) - 0.3 * members) < 1
    assert torch.equal(hold_out(labels, 0.3, seed=0)[1], held_out)
    assert not torch.equal(hold_out(labels, 0.3, seed=1)[1], held_out)


@pytest.mark.parametrize(("share", "count"), [(0.01, 0), (0.99, 10)])
def test_hold_out_leaves_something_on_both_sides(share: float, count: int) -> None:
    with pytest.raises(InputError, match=f"a share of {share} of 10 training samples is {count}"):
        hold_out(torch.zeros(10, dtype=torch.int64), share, seed=0)
