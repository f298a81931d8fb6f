"""How episodes are dealt: which classes, samples and numbers, and what is refused."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
import torch
from tiny_episodes import CLASSES, OF_EACH, TinyClasses, tiny_episodes
from torch import Tensor

from multitask.data import (
    DataModule,
    Digits,
    Episodes,
    RegressionEpisodes,
    Sines,
    TrainingClasses,
)
from multitask.data.episodes.entries import EPISODE, SHOWN, SUPPORT, all_of, split_episodes
from multitask.data.episodes.sampling import WholeEpisodes
from multitask.errors import InputError


def read(data: Any, split: str = "train") -> dict[str, Tensor]:
    data.setup()
    samples = data.splits[split]
    return samples[torch.arange(len(samples))]


def origin(data: Any, split: str) -> Tensor:
    """The source's class of each sample of a split's episodes."""
    batch = read(data, split)
    return (batch["image"][:, 0, 0, 0] * CLASSES).round().long()


def test_an_episode_shows_and_asks_about_each_of_its_classes() -> None:
    data = tiny_episodes()
    for episode in split_episodes(read(data)):
        support = episode[SUPPORT]
        assert support.tolist() == [True] * 6 + [False] * 9
        assert episode[SHOWN + "kind"][support].tolist() == [0, 0, 1, 1, 2, 2]
        assert episode["kind"][~support].tolist() == [0, 0, 0, 1, 1, 1, 2, 2, 2]
        # What is shown is hidden from whatever counts the targets, the other way round as well.
        assert (episode["kind"][support] == -100).all()
        assert (episode[SHOWN + "kind"][~support] == -100).all()
        assert episode["size"][support].isnan().all()
        assert all_of(episode)["kind"].tolist() == [0, 0, 1, 1, 2, 2, 0, 0, 0, 1, 1, 1, 2, 2, 2]
        assert len(episode["image"].flatten(1).unique(dim=0)) == 15


def test_numbers_are_dealt_anew_and_test_classes_are_never_trained_on() -> None:
    data = tiny_episodes(episodes=30)
    kinds, labels = origin(data, "train").view(30, 15), all_of(read(data))["kind"].view(30, 15)
    # Each class has had each number.
    assert {(int(a), int(b)) for a, b in zip(kinds.flatten(), labels.flatten(), strict=True)} == {
        (kind, number) for kind in data.classes["train"] for number in range(3)
    }
    assert set(data.classes["train"]).isdisjoint(data.classes["test"])
    assert set(origin(data, "test").tolist()) == set(data.classes["test"])
    assert set(origin(data, "val").tolist()) <= set(data.classes["train"])
    images = {split: read(data, split)["image"].flatten(1) for split in ("train", "test")}
    assert not (images["train"][:, None] == images["test"]).all(2).any()


def test_the_same_numbers_stand_for_the_same_episodes_and_epochs_bring_new_ones() -> None:
    first, again = tiny_episodes(), pickle.loads(pickle.dumps(tiny_episodes()))
    first.setup()
    again.setup()
    later = torch.arange(60, 90)
    one, other = first.splits["train"][later], again.splits["train"][later.flip(0)]
    assert all(torch.equal(one[name], other[name].flip(0)) for name in one if "size" not in name)
    assert one[EPISODE].unique().tolist() == [4, 5]
    whole = read(first)["image"]
    assert not torch.equal(whole[:30], one["image"])
    other_seed = tiny_episodes(seed=1)
    assert not torch.equal(read(other_seed)["image"], whole)


def test_no_two_samples_of_an_episode_are_of_one_group() -> None:
    data = tiny_episodes(grouped=True, episodes=20)
    names = data.source.groups("train")
    assert names is not None
    data.setup()
    pixels = data.source.splits["train"].images(torch.arange(CLASSES * OF_EACH)).flatten(1)
    for episode in split_episodes(read(data)):
        same = (episode["image"].flatten(1)[:, None] == pixels).all(2)
        groups = [names[1][int(row)] for row in same.long().argmax(1)]
        assert len(set(groups)) == len(groups)


def test_processes_take_whole_episodes_that_are_those_of_one() -> None:
    def batches(rank: int, count: int, training: bool) -> list[Tensor]:
        made = WholeEpisodes(5, 3, 2, training, rank, count)
        made.set_epoch(1)
        return list(made)

    for training in (True, False):
        one, halves = batches(0, 1, training), [batches(rank, 2, training) for rank in (0, 1)]
        assert all(
            torch.equal(whole, torch.cat(pair)) for whole, *pair in zip(one, *halves, strict=True)
        )
    assert [batch.tolist() for batch in batches(0, 1, True)] == [
        [12, 13, 14, 15, 16, 17],
        [18, 19, 20, 21, 22, 23],
    ]
    # Validation is the same in each epoch, to its last episode.
    assert torch.cat(batches(0, 1, False)).tolist() == list(range(15))


def test_classes_can_be_named() -> None:
    named = {"train": ["cat", "ant", "5"], "test": ["bee", "dog", "eel"]}
    with pytest.raises(InputError, match="'5'"):
        read(tiny_episodes(classes=named))
    data = tiny_episodes(classes={**named, "train": ["cat", "ant", "fox"]})
    read(data)
    assert data.classes == {"train": [0, 2, 5], "val": [0, 2, 5], "test": [1, 3, 4]}
    assert data.names_of("test") == ["bee", "dog", "eel"]
    numbers = {"train": [0, 1, 2], "test": [3, "4", 5]}
    digits = Episodes(Digits(seed=0), "digit", ways=3, classes=numbers, seed=0)
    digits.setup()
    assert digits.classes["test"] == [3, 4, 5]


def test_training_classes_are_those_of_the_episodes() -> None:
    dealt = tiny_episodes()
    joint = TrainingClasses(TinyClasses(), "kind", test_classes=3, batch_size=4, seed=0)
    dealt.setup()
    joint.setup()
    assert joint.classes == dealt.classes
    batch = joint.splits["train"][torch.arange(len(joint.splits["train"]))]
    assert len(batch["kind"]) == 3 * OF_EACH
    kinds = (batch["image"][:, 0, 0, 0] * CLASSES).round().long()
    assert [joint.classes["train"][number] for number in batch["kind"]] == kinds.tolist()
    assert joint.class_names()["kind"] == joint.names_of("train")


def test_columns_are_standardised_and_their_signs_dealt_anew() -> None:
    data = RegressionEpisodes(
        TinyClasses(), shots=2, queries=3, columns={"train": ["size"], "test": ["size"]}, seed=0
    )
    with pytest.raises(InputError, match="and so does train"):
        data.setup()
    digits = Digits(seed=0)
    with pytest.raises(InputError, match="1 of the 1 columns|0 of the 1 columns"):
        RegressionEpisodes(digits, seed=0).setup()


def test_sines_are_waves() -> None:
    data = Sines(shots=3, queries=40, episodes=50, episodes_per_batch=1, seed=0)
    batch = all_of(read(data))
    for x, y in zip(batch["image"].view(50, 43), batch["value"].view(50, 43), strict=True):
        # Of one frequency: a sine and a cosine explain all of it.
        basis = torch.stack([x.sin(), x.cos()], 1).double()
        found = torch.linalg.lstsq(basis, y.double()[:, None]).solution
        assert torch.allclose(basis @ found, y.double()[:, None], atol=1e-4)
        assert 0.1 <= float(found.norm()) <= 5
    assert batch["image"].min() >= -5
    assert batch["image"].max() <= 5
    test = read(data, "test")
    assert not torch.equal(test["image"][:43], batch["image"][:43])


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"ways": 4}, "4-way episodes need at least 4 classes of each split"),
        ({"shots": 10}, "has 12 samples in the train split, fewer than shots + queries = 13"),
        ({"grouped": True, "shots": 4}, "has 6 groups of samples"),
        ({"task": "kidn"}, "did you mean 'kind'"),
        ({"task": "size"}, "RegressionEpisodes"),
        ({"classes": {"train": ["ant"]}}, "names none for test"),
        ({"classes": {"train": ["ant", "ant"], "test": ["bee"]}}, "twice"),
        ({"classes": {"trian": ["ant"]}}, "did you mean 'train'"),
        ({"val_classes": 3}, "cannot be for validation"),
        ({"episodes_per_batch": 9}, "an epoch has 4 episodes"),
        ({"queries": 0}, "queries is 0"),
        ({"ways": 1}, "ways is 1"),
        ({"ways": 2.5}, "ways is 2.5; give a whole number"),
        ({"shots": "2"}, "shots is '2'; give a whole number"),
        ({"queries": True}, "queries is True; give a whole number"),
        ({"val_episodes": 3, "without": ["val"]}, "val_episodes is 3, but without names 'val'"),
        (
            {"test_classes": 2, "classes": {"train": ["ant", "bee"], "test": ["cat", "dog"]}},
            "test_classes is 2, but classes lists those of each split",
        ),
    ],
)
def test_what_cannot_be_dealt(options: dict[str, Any], words: str) -> None:
    def deal() -> None:
        data = tiny_episodes(**{name: each for name, each in options.items() if name != "task"})
        data.task = options.get("task", "kind")
        data.setup()

    with pytest.raises(InputError) as refused:
        deal()
    assert words in str(refused.value)


@pytest.mark.parametrize(
    ("source", "words"),
    [
        (partial(TinyClasses, batch_size=3), "source sets batch_size"),
        (partial(TinyClasses, num_workers=1), "source sets num_workers"),
        (partial(TinyClasses, meta=0.5), "source sets meta"),
        (tiny_episodes, "Episodes deals episodes itself"),
        (Sines, "Sines deals episodes itself"),
        (lambda: TrainingClasses(TinyClasses(), "kind"), "TrainingClasses chooses classes itself"),
    ],
)
def test_what_episodes_cannot_be_dealt_of(source: Callable[[], DataModule], words: str) -> None:
    for deal in (Episodes, TrainingClasses):
        with pytest.raises(InputError, match=words):
            deal(source(), "kind")
