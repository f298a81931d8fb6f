"""Batches in which every class comes equally often."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from tiny_training import TinyData
from torch import Tensor

from multitask.data import DataModule, Mixture
from multitask.data.class_balance import ClassBalanced
from multitask.errors import InputError

CLASSES = torch.tensor([0] * 60 + [1] * 5 + [3] * 15)


def balanced(classes: Tensor = CLASSES, batch_size: int = 6, **options: Any) -> ClassBalanced:
    return ClassBalanced(classes, batch_size, **{"seed": 0, **options})


@pytest.mark.parametrize("batch_size", [1, 6, 7])
def test_each_class_comes_equally_often(batch_size: int) -> None:
    found = balanced(batch_size=batch_size)
    counts = torch.zeros(4)
    for epoch in range(6):
        batches = found.global_batches(epoch)
        assert len(batches) == len(found) == 80 // batch_size
        for batch in batches:
            in_batch = CLASSES[batch].bincount(minlength=4)[[0, 1, 3]]
            assert in_batch.max() - in_batch.min() <= 1
            counts += CLASSES[batch].bincount(minlength=4)
    assert counts[2] == 0
    assert (counts[[0, 1, 3]] - counts.sum() / 3).abs().max() <= 1


def test_samples_without_a_label_keep_their_share() -> None:
    classes = CLASSES.clone()
    classes[:40] = -100
    batches = balanced(classes, batch_size=8).global_batches(0)
    counts = torch.stack([classes[batch].clamp_min(-1).add(1).bincount() for batch in batches])
    # Half have no label; 4 of a batch are shared by 3 classes.
    assert counts[:, 0].tolist() == [4] * len(batches)
    assert counts[:, [1, 2, 4]].min() >= 1


def test_every_sample_of_a_frequent_class_has_its_turn() -> None:
    found = balanced()
    seen = torch.cat([batch for epoch in range(12) for batch in found.global_batches(epoch)])
    assert len(seen.unique()) == len(CLASSES)


@pytest.mark.parametrize("world_size", [2, 3])
def test_processes_share_the_batches_of_one(world_size: int) -> None:
    parts = [list(balanced(rank=rank, world_size=world_size)) for rank in range(world_size)]
    joined = [torch.cat(each) for each in zip(*parts, strict=True)]
    assert all(torch.equal(one, other) for one, other in zip(joined, balanced(), strict=True))


def test_an_epoch_goes_on_at_any_batch() -> None:
    data = TinyData(balanced_by="kind", batch_size=4)
    loader, again = data.train_dataloader(), data.train_dataloader()
    batches = iter(loader)
    next(batches), next(batches)
    again.load_state_dict(loader.state_dict())
    rest = [batch["index"] for batch in batches]
    assert len(rest) == 4
    assert all(map(torch.equal, rest, [batch["index"] for batch in again]))


def test_data_module_balances_its_training_batches_alone() -> None:
    skewed = torch.tensor([0] * 18 + [1] * 3 + [2] * 3)
    data = TinyData({"train": {"kind": skewed}}, balanced_by="kind", batch_size=6)
    for batch in data.train_dataloader():
        assert batch["kind"].bincount().tolist() == [2, 2, 2]
    assert torch.cat([batch["index"] for batch in data.val_dataloader()]).tolist() == list(
        range(24)
    )


def test_classes_kept_as_bytes_are_classes() -> None:
    kind = torch.tensor([0] * 12 + [1] * 4 + [255] * 8, dtype=torch.uint8)
    data = TinyData({"train": {"kind": kind}}, balanced_by="kind", batch_size=6)
    for batch in data.train_dataloader():
        assert [int((batch["kind"] == each).sum()) for each in (0, 1, 255)] == [2, 2, 2]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (
            {"balanced_by": "knd"},
            "is knd; the data have no task with that name; did you mean 'kind'",
        ),
        (
            {"balanced_by": "site"},
            "is site; the data have no task .*; give a task with classes: 'ki",
        ),
        (
            {"balanced_by": "size"},
            "is size; its targets are numbers; give a task with classes: 'ki",
        ),
        ({"balanced_by": "kind", "labelled_per_batch": 2}, "remove one of them"),
        (
            {"balanced_by": "kind", "changed": {"train": {"kind": torch.zeros(24).long()}}},
            "labels of fewer than two classes; remove balanced_by",
        ),
    ],
)
def test_what_cannot_be_balanced_is_refused(options: dict[str, Any], words: str) -> None:
    with pytest.raises(InputError, match=words):
        TinyData(**options).train_dataloader()


KINDS = {
    "numbers": torch.rand(24),
    "2 numbers for each sample": torch.rand(24, 2),
    "3 classes for each sample": torch.zeros(24, 3).long(),
    "maps": torch.zeros(24, 4, 4).long(),
}


@pytest.mark.parametrize("kind", KINDS)
def test_targets_of_another_kind_are_named(kind: str) -> None:
    data = TinyData({"train": {"size": KINDS[kind]}}, balanced_by="size")
    words = f"balanced_by is size; its targets are {kind}; give a task with classes: 'kind'"
    with pytest.raises(InputError, match=words):
        data.train_dataloader()


def test_without_a_task_of_classes_nothing_is_advised() -> None:
    numbers = {"kind": torch.rand(24), "size": torch.rand(24)}
    with pytest.raises(InputError, match="no other task has .*; remove balanced_by"):
        TinyData({"train": numbers}, balanced_by="size").train_dataloader()


def test_a_mixture_is_balanced_as_a_whole() -> None:
    def source(first: int) -> DataModule:
        kind = torch.tensor([first] * 20 + [1] * 4)
        return TinyData({"train": {"kind": kind}})

    sources = {"one": source(0), "two": source(2)}
    data = Mixture(sources, balanced_by="kind", batch_size=6)
    for batch in data.train_dataloader():
        assert batch["kind"].bincount().tolist() == [2, 2, 2]
    with pytest.raises(InputError, match="balanced_by and ratios both determine"):
        Mixture(sources, ratios="equal", balanced_by="kind")
    with pytest.raises(InputError, match="source 'one' sets balanced_by"):
        Mixture({"one": TinyData(balanced_by="kind")})
