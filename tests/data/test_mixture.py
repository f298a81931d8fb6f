"""Several data sets in one training."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from pandas import DataFrame
from torch import Tensor, nn

from multitask.augmentation import RandomHorizontalFlip
from multitask.data import DataModule, Mixture
from multitask.data.dataset import BatchDataset, InMemory
from multitask.errors import InputError
from multitask.geometry import Angle, Length, Unchanged

SIZES = {"train": (40, 8), "val": (5, 4), "test": (3, 6)}


class Part(DataModule):
    """Images whose pixels are their places in the split; counts how often it is loaded.

    Args:
        place: 0 for the large one, with a class; 1 for the small one, with a number.
        known: whether its samples have names.
        options: see `DataModule`.
    """

    def __init__(self, place: int = 0, known: bool = False, **options: Any) -> None:
        super().__init__(**options)
        self.place, self.known, self.loaded, self.prepared = place, known, 0, 0

    def prepare_data(self) -> None:
        self.prepared += 1

    def load(self) -> dict[str, BatchDataset]:
        self.loaded += 1
        splits: dict[str, BatchDataset] = {}
        for split, sizes in SIZES.items():
            numbers = torch.arange(sizes[self.place])
            task = {"size": numbers.float()} if self.place else {"kind": numbers % 3}
            images = numbers.float().view(-1, 1, 1, 1).expand(-1, 1, 4, 4)
            splits[split] = InMemory(images, task)
        return splits

    def names(self, split: str) -> list[str] | None:
        count = SIZES[split][self.place]
        return [f"{row}.png" for row in range(count)] if self.known else None

    def records(self) -> dict[str, DataFrame]:
        return {"splits.csv": DataFrame({"row": [self.place]})} if self.known else {}


class Changing(Part):
    """Changes batches after they have arrived."""

    def on_after_batch_transfer(self, batch: dict[str, Tensor], dataloader_idx: int) -> Any:
        return batch


def mixture(**options: Any) -> Mixture:
    data = Mixture(
        **{"sources": {"large": Part(0), "small": Part(1)}, "batch_size": 8, "seed": 0, **options}
    )
    data.setup()
    return data


def composition(data: Mixture) -> list[list[int]]:
    """How many samples of each source each training batch of an epoch has."""
    return [batch["@source"].bincount(minlength=2).tolist() for batch in data.train_dataloader()]


def test_proportional_batches_are_random_batches_of_all_samples() -> None:
    data = mixture()
    batches = list(data.train_dataloader())
    assert sorted(torch.cat([batch["index"] for batch in batches]).tolist()) == list(range(48))
    assert torch.tensor(composition(data)).sum(0).tolist() == [40, 8]
    plain = torch.cat(list(data._batches(data.splits["train"], True).global_batches(0)))
    assert torch.equal(torch.cat([batch["index"] for batch in batches]), plain)


@pytest.mark.parametrize(
    ("ratios", "expected"),
    [
        ("equal", [4, 4]),
        ({"large": 3, "small": 1}, [6, 2]),
        ({"small": 0.1, "large": 0.7}, [7, 1]),
    ],
)
def test_every_batch_has_the_ratios(ratios: Any, expected: list[int]) -> None:
    assert composition(mixture(ratios=ratios)) == [expected] * 6


def test_a_batch_holds_the_sources_images_and_labels() -> None:
    for batch in mixture(ratios="equal").train_dataloader():
        small = batch["@source"] == 1
        own = batch["index"] - 40 * small
        assert torch.equal(batch["image"][:, 0, 0, 0], own.float())
        assert torch.equal(batch["kind"][~small], own[~small] % 3)
        assert torch.equal(batch["size"][small], own[small].float())
        assert (batch["kind"][small] == -100).all()
        assert batch["size"][~small].isnan().all()


@pytest.mark.parametrize("split", SIZES)
def test_every_sample_is_evaluated_once(split: str) -> None:
    data = mixture(ratios="equal", batch_size=2)
    if split != "train":
        loader = {"val": data.val_dataloader, "test": data.test_dataloader}[split]()
        indices = torch.cat([batch["index"] for batch in loader])
        assert indices.tolist() == list(range(sum(SIZES[split])))
    large, small = SIZES[split]
    rows = data.source_rows(split)
    assert rows == {"large": slice(0, large), "small": slice(large, large + small)}
    assert data.targets(split)["size"][rows["small"]].tolist() == list(range(small))


@pytest.mark.parametrize("ratios", ["proportional", "equal", {"large": 2, "small": 1}])
def test_a_resumed_epoch_goes_on_with_the_next_batch(ratios: Any) -> None:
    whole = mixture(ratios=ratios).train_dataloader()
    whole.sampler.set_epoch(3)
    expected = list(whole)
    stopped = mixture(ratios=ratios).train_dataloader()
    stopped.sampler.set_epoch(3)
    batches = iter(stopped)
    for _ in range(2):
        next(batches)
    resumed = mixture(ratios=ratios).train_dataloader()
    resumed.load_state_dict(stopped.state_dict())
    resumed.sampler.set_epoch(3)
    found = list(resumed)
    assert len(found) == len(expected) - 2
    for one, other in zip(found, expected[2:], strict=True):
        for name in one:
            torch.testing.assert_close(one[name], other[name], rtol=0, atol=0, equal_nan=True)


def test_a_fixed_number_of_labelled_samples_counts_over_all_sources() -> None:
    data = mixture(labelled_per_batch=3, labelled_task="size")
    assert composition(data) == [[5, 3]] * 8


def test_sources_are_loaded_once_and_with_their_own_seed_or_the_run_s(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("PL_GLOBAL_SEED", "17")
    data = mixture(sources={"own": Part(0, seed=5), "run": Part(1)}, seed=3)
    data.setup("fit")
    data.targets("val")
    assert [(each.seed, each.loaded) for each in data.sources.values()] == [(5, 1), (17, 1)]  # type: ignore[attr-defined]
    assert data.seed == 3


def test_samples_are_called_by_their_source_and_name() -> None:
    assert mixture().names("val") is None
    data = mixture(sources={"large": Part(0), "small": Part(1, known=True)})
    names = data.names("val")
    assert names == [
        *(f"large/{row}" for row in range(5)),
        *(f"small/{row}.png" for row in range(4)),
    ]
    assert list(data.records()) == ["small-splits.csv"]
    assert data.records()["small-splits.csv"]["row"].tolist() == [1]


def test_transforms_of_the_mixture_see_all_sources() -> None:
    data = mixture(transforms=[nn.Flatten(2)])
    batch = next(iter(data.train_dataloader()))
    assert data.on_after_batch_transfer(batch, 0)["image"].shape == (8, 1, 16)


def test_targets_of_all_sources_follow_augmentations() -> None:
    small = Part(1, geometry={"size": Length()})
    data = mixture(
        sources={"large": Part(0), "small": small},
        ratios="equal",
        augmentations=[RandomHorizontalFlip()],
    )
    assert list(data.geometry) == ["size"]
    batch = next(iter(data.train_dataloader()))
    changed = data.on_after_batch_transfer(batch, 0)
    torch.testing.assert_close(changed["size"], batch["size"], equal_nan=True)
    with pytest.raises(InputError, match=r"data\.geometry\.size is missing"):
        mixture(augmentations=[RandomHorizontalFlip()]).train_dataloader()


def test_geometry_of_the_mixture_comes_before_that_of_the_sources() -> None:
    sources = {"small": Part(1, geometry={"size": Length()})}
    data = mixture(sources=sources, geometry={"size": Unchanged()})
    assert isinstance(data.geometry["size"], Unchanged)


def test_sources_that_disagree_about_a_task_s_geometry_are_refused() -> None:
    one, two = (Part(1, geometry={"size": Angle(zero=zero)}) for zero in ("up", "right"))
    assert mixture(sources={"one": one, "same": Part(1, geometry={"size": Angle()})}).geometry
    message = r"'size' follow .* Angle\(zero='up'\) in source 'one' .*'right'\) in source 'two'"
    with pytest.raises(InputError, match=message):
        _ = mixture(sources={"one": one, "two": two}).geometry


class Named(Part):
    """Has names of classes.

    Args:
        classes: of the task ``kind``.
    """

    def __init__(self, classes: list[str]) -> None:
        super().__init__()
        self.classes = classes

    def class_names(self) -> dict[str, list[str]]:
        return {"kind": self.classes}


def test_classes_are_those_of_the_source_that_has_most() -> None:
    sources = {"one": Named(["cat", "dog"]), "two": Named(["cat", "dog", "owl"]), "three": Part(1)}
    assert mixture(sources=sources).class_names() == {"kind": ["cat", "dog", "owl"]}
    translated = {"one": Named(["cat", "dog"]), "two": Named(["Katze", "Hund"])}
    with pytest.warns(UserWarning, match="assumed to be the same .* 0 is 'cat' and 'Katze'"):
        assert mixture(sources=translated).class_names() == {"kind": ["cat", "dog"]}


def test_a_class_of_two_numbers_is_refused() -> None:
    data = mixture(sources={"one": Named(["cat", "dog"]), "two": Named(["owl", "cat"])})
    message = "'cat' is class 0 of task 'kind' in source 'one' and class 1 in source 'two'"
    with pytest.raises(InputError, match=message):
        data.class_names()


def test_a_number_of_two_classes_is_refused() -> None:
    three = {"one": Named(["cat", "dog"]), "two": Named(["cat"]), "three": Named(["cat", "owl"])}
    message = (
        "class 1 of task 'kind' is 'dog' in source 'one' and 'owl' in source 'three'; list all"
    )
    with pytest.raises(InputError, match=message):
        mixture(sources=three).class_names()


def test_sources_prepare_their_data() -> None:
    sources = {"one": Part(), "two": Part(1)}
    mixture(sources=sources).prepare_data()
    assert [each.prepared for each in sources.values()] == [1, 1]


@pytest.mark.parametrize(
    ("source", "message"),
    [
        (lambda: Part(transforms=[nn.Flatten()]), "'b' sets transforms.*on the Mixture"),
        (
            lambda: Part(augmentations=[RandomHorizontalFlip()]),
            "'b' sets augmentations.*on the Mixture",
        ),
        (lambda: Part(labelled_per_batch=2), "'b' sets labelled_per_batch.*on the Mixture"),
        (lambda: Changing(), "'b': Changing changes batches in on_after_batch_transfer"),
        (lambda: Mixture({"c": Part()}), "'b' is itself a Mixture; add its sources directly"),
    ],
)
def test_what_concerns_batches_is_refused_at_a_source(
    source: Callable[[], DataModule], message: str
) -> None:
    with pytest.raises(InputError, match=message):
        Mixture({"a": Part(), "b": source()})


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"sources": {}}, "sources is empty; name at least one"),
        ({"sources": {"a/b": Part()}}, "source cannot be called 'a/b'; use letters"),
        ({"ratios": "equall"}, "ratios is 'equall'; give proportional, equal, or a number"),
        ({"ratios": {"large": 1, "smal": 1}}, "no source 'smal'; did you mean 'small'"),
        ({"ratios": {"large": 1}}, "ratios: source 'small' has none; give every source"),
        ({"ratios": {"large": 1, "small": 0}}, "source 'small' is 0; give a number above 0"),
        ({"ratios": {"large": float("nan"), "small": 1}}, "'large' is nan; give a number above 0"),
        ({"ratios": "equal", "labelled_per_batch": 2}, "both determine what a batch contains"),
    ],
)
def test_settings_that_cannot_be_right_are_refused(options: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        mixture(**options)


def test_what_is_wrong_in_a_source_names_it() -> None:
    class Broken(Part):
        def load(self) -> dict[str, BatchDataset]:
            return {}

    with pytest.raises(InputError, match=r"source 'bad': Broken.load\(\) returns no split"):
        mixture(sources={"good": Part(), "bad": Broken()})


def test_advice_names_the_sources_own_setting() -> None:
    class Faulty(Part):
        def load(self) -> dict[str, BatchDataset]:
            raise InputError("a fault; set data.init_args.cleaning.missing_file=skip")

    own = "data.init_args.sources.bad.init_args.cleaning.missing_file=skip"
    with pytest.raises(InputError, match=f"source 'bad': a fault; set {own}"):
        mixture(sources={"bad": Faulty()})


def test_a_batch_larger_than_all_sources_is_refused() -> None:
    with pytest.raises(InputError, match="batch_size is 49, but there are only 48 training"):
        mixture(batch_size=49, ratios="equal").train_dataloader()
