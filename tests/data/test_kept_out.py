"""A share of the training samples that is kept out of training."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from pandas import DataFrame
from photo_table import Rows
from torch import Tensor

from multitask.data import DataModule, Mixture, PosedDigits, Table
from multitask.data.dataset import BatchDataset, InMemory
from multitask.data.kept_out import keep_out, rows_with_labels
from multitask.data.sampling import GlobalBatches
from multitask.data.splits import ByColumn, GroupedSplit, StratifiedSplit, given_split
from multitask.errors import InputError

MakeTable = Callable[..., Table]
MakeData = Callable[..., DataModule]


class Named(DataModule):
    """Samples with names and groups of their own."""

    def load(self) -> dict[str, BatchDataset]:
        return {
            split: InMemory(torch.arange(12.0).view(12, 1, 1, 1) / 12, {"a": torch.arange(12.0)})
            for split in ("train", "val", "test")
        }

    def names(self, split: str) -> list[str]:
        return [f"{split} {place}" for place in range(12)]

    def groups(self, split: str) -> tuple[str, list[Any]]:
        return "pair", [place // 2 for place in range(12)]


def test_training_samples_are_kept_out_and_all_else_stays(tiny_data: MakeData) -> None:
    whole, data = tiny_data(), tiny_data(meta=0.25)
    for each in (whole, data):
        each.setup()
    assert {split: len(each) for split, each in data.splits.items()} == {
        "train": 18,
        "val": 24,
        "test": 24,
        "meta": 6,
    }
    images = [data.splits[split].images(torch.arange(6)) for split in ("train", "meta")]
    assert not any(torch.equal(one, two) for one in images[0] for two in images[1])
    assert torch.equal(whole.targets("val")["kind"], data.targets("val")["kind"])
    assert sum(map(len, data.train_dataloader().sampler.global_batches(0))) == 16
    again = tiny_data(meta=0.25)
    again.setup()
    assert torch.equal(
        data.targets("meta")["size"].nan_to_num(), again.targets("meta")["size"].nan_to_num()
    )


def test_samples_without_a_group_are_kept_out_one_by_one(monkeypatch: pytest.MonkeyPatch) -> None:
    groups = ["", None, float("nan"), *["a"] * 3, *[""] * 6]
    monkeypatch.setattr(Named, "groups", lambda data, split: ("patient", groups))
    data = Named(meta=0.5, seed=0)
    data.setup()
    assert len(data.splits["meta"]) in (5, 7)
    assert sum("a" in data.groups(split)[1] for split in ("train", "meta")) == 1


def test_groups_stay_together_and_names_stay_with_their_samples() -> None:
    data = Named(meta=0.3, seed=1)
    data.is_looked_at = False
    data.setup()
    kept: dict[str, set[int]] = {}
    for split in ("train", "meta"):
        found = data.targets(split)["a"].int().tolist()
        assert data.names(split) == [f"train {place}" for place in found]
        assert data.groups(split) == ("pair", [place // 2 for place in found])
        kept[split] = set(data.groups(split)[1])
    assert kept["train"] | kept["meta"] == set(range(6))
    assert len(kept["meta"]) == 2
    assert not kept["train"] & kept["meta"]
    assert data.names("val")[3] == "val 3"


def test_posed_digits_share_no_handwriting_with_it() -> None:
    data = PosedDigits(tasks=["digit"], meta=0.2, seed=0)
    data.is_looked_at = False
    data.setup()
    kept = {split: set(data.groups(split)[1]) for split in data.splits}
    assert not kept["train"] & kept["meta"]
    assert len(data.splits["meta"]) == 400


def test_batches_come_in_random_order_without_end(tiny_data: MakeData) -> None:
    data = tiny_data(meta=0.5, batch_size=4)
    seen = [data.held_out_batch("meta", number)["index"] for number in range(6)]
    assert sorted(torch.cat(seen[:3]).tolist()) == list(range(12))
    assert sorted(torch.cat(seen[3:]).tolist()) == list(range(12))
    assert not torch.equal(torch.cat(seen[:3]), torch.cat(seen[3:]))
    with_label = data.held_out_batch("meta", 5, ("kind",))
    assert (with_label["kind"] != -100).all()
    either = data.held_out_batch("meta", 2, ("kind", "size"))
    assert ((either["kind"] != -100) | either["size"].isfinite()).all()
    with pytest.raises(InputError, match=r"no meta set; .* data\.init_args\.meta=0\.2"):
        tiny_data().held_out_batch("meta", 0)
    assert len(tiny_data().held_out_batch("val", 0)["index"]) == 8


def test_processes_share_a_batch() -> None:
    alone = GlobalBatches(10, 5, 0, True)
    shares = [GlobalBatches(10, 5, 0, True, rank, 2).share(3, 1) for rank in (0, 1)]
    assert torch.equal(torch.cat(shares), alone.share(3, 1))
    samples = InMemory(torch.zeros(3, 1, 1, 1), {"a": torch.zeros(3)})
    assert len(rows_with_labels(samples, "meta", ["a"], 1, "")) == 3
    with pytest.raises(InputError, match="has 3 samples with a label of 'a', .* 2 for each proc"):
        rows_with_labels(samples, "meta", ["a"], 2, "raise it")


@pytest.mark.parametrize("share", [0.0, 1.0, -0.1, float("nan")])
def test_a_share_that_cannot_be(tiny_data: MakeData, share: float) -> None:
    with pytest.raises(InputError, match="meta is .*; give a share of the training samples, betw"):
        tiny_data(meta=share)


def test_a_share_of_nothing_is_refused_each_time(tiny_data: MakeData) -> None:
    data = tiny_data(meta=0.01)
    for _ in range(2):
        with pytest.raises(InputError, match="init_args.meta: a share of 0.01 of 24 .* is 0"):
            data.setup()
    with pytest.raises(InputError, match="of 1 groups of training samples is 0"):
        keep_out(["a", "a"], 0.4, 0)


def test_sources_of_a_mixture_each_give_their_share(tiny_data: MakeData) -> None:
    data = Mixture({"a": tiny_data(), "b": tiny_data(seed=1)}, meta=0.25, batch_size=4)
    data.is_looked_at = False
    data.setup()
    assert data.source_rows("meta") == {"a": slice(0, 6), "b": slice(6, 12)}
    assert data.source_rows("train") == {"a": slice(0, 18), "b": slice(18, 36)}
    batch = data.held_out_batch("meta", 0)
    assert torch.equal(batch["@source"], (batch["index"] >= 6).long())
    one_alone = Mixture({"a": tiny_data(meta=0.5), "b": tiny_data()})
    with pytest.raises(InputError, match="'a' has a meta set, but 'b' has none"):
        one_alone.setup()
    with pytest.raises(
        InputError, match="'a' sets meta to 0.5, but the Mixture to 0.25; set it in only one"
    ):
        Mixture({"a": tiny_data(meta=0.5)}, meta=0.25)


GROUPS = [str(number // 2) for number in range(10)]


def test_a_table_keeps_them_out_by_its_own_split(table: MakeTable, rows: Rows) -> None:
    grouped: Rows = [{**row, "g": group} for row, group in zip(rows, GROUPS, strict=True)]
    data = table(grouped, split=GroupedSplit("g", 0.2, 0.2), meta=0.3)
    data.setup()
    groups = {split: {GROUPS[int(name[0])] for name in data.names(split)} for split in data.splits}
    assert sum(map(len, groups.values())) == len(set.union(*groups.values())) == 5
    assert set(data.records()["splits.csv"]["split"]) == {"train", "val", "test", "meta"}
    assert data.groups("meta") == ("g", [GROUPS[int(name[0])] for name in data.names("meta")])
    by = StratifiedSplit("a", 0.2, 0.2).taking(0.25)
    cells = DataFrame({"a": ["x", "y"] * 20})
    taken = by.divide(cells, 0)["val"]
    assert cells["a"].iloc[taken].value_counts().to_dict() == {"x": 5, "y": 5}


def test_a_column_says_which_rows_they_are(table: MakeTable, rows: Rows) -> None:
    words = ["train"] * 4 + ["val", "test", "Meta", "train", "meta", "test"]
    told: Rows = [{**row, "split": word} for row, word in zip(rows, words, strict=True)]
    data = table(told)
    data.setup()
    assert data.names("meta") == ["6.png", "8.png"]
    with pytest.raises(
        InputError, match="has meta rows already, but .*meta is 0.5.*; remove data.init_args.meta"
    ):
        table(told, meta=0.5).setup()
    own = ByColumn("f", {"0": "train", "1": "val", "2": "test", "3": "meta"})
    parts = own.divide(DataFrame({"f": [0, 1, 2, 3, 0]}), 0)
    assert parts["meta"].tolist() == [3]
    # Words beside it decide whether a column is about splits at all.
    assert given_split(DataFrame({"source": ["meta", "query"]})) is None


class OwnMeta(Named):
    """A data set that comes with them."""

    def load(self) -> dict[str, BatchDataset]:
        return super().load() | {"meta": InMemory(torch.zeros(4, 1, 1, 1), {"a": torch.zeros(4)})}


def test_a_data_set_may_come_with_them() -> None:
    data = OwnMeta()
    data.is_looked_at = False
    data.setup()
    targets: Tensor = data.targets("meta")["a"]
    assert len(targets) == 4
    with pytest.raises(InputError, match="returns a split 'meta' already; remove meta"):
        OwnMeta(meta=0.5).setup()
