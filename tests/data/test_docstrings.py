"""Docstrings: what a batch holds, and what people are told."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from multitask.data import Docstrings, docstrings
from multitask.data.look import DataRemark
from multitask.data.split_check import SPLITS
from multitask.errors import InputError
from multitask.tokenizers import Bytes, HashedWords, is_text, text_mask

PACKAGES = ["json", "email"]


def loaded(**options: Any) -> Docstrings:
    data = Docstrings(
        **{"packages": PACKAGES, "samples": 15, "labels_per_class": 3, "seed": 0, **options}
    )
    data.setup()
    return data


@pytest.fixture(scope="module")
def data() -> Docstrings:
    return loaded()


def test_what_a_batch_holds(data: Docstrings) -> None:
    batch = data.splits["train"][torch.arange(4)]
    assert set(batch) == {"text", "index", "package", "arguments", "examples", "words"}
    assert is_text(batch["text"])
    assert batch["text"].shape == (4, 64)
    assert batch["package"].dtype == torch.int64
    assert {batch[name].dtype for name in ("arguments", "examples", "words")} == {torch.float32}
    (first,) = data.tokenizer(data.texts("train")["text"][:1]).tokens
    assert torch.equal(batch["text"][0], first)
    assert text_mask(batch["text"]).sum(1).min() > 8


def test_few_training_texts_have_a_class(data: Docstrings) -> None:
    given = data.targets("train")["package"]
    assert given[given >= 0].bincount().tolist() == [3, 3]
    assert (given < 0).any()
    for split in ("val", "test"):
        assert set(data.targets(split)["package"].tolist()) <= {0, 1}
    names = data.names("train")
    for label, name in zip(given.tolist(), names, strict=True):
        assert label < 0 or name.startswith(f"{PACKAGES[label]}.")
    everywhere = loaded(labels_per_class=None).targets("train")["package"]
    assert torch.equal(everywhere[given >= 0], given[given >= 0])
    assert (everywhere >= 0).all()


def test_a_source_file_is_in_one_split(data: Docstrings) -> None:
    files = {split: set(data.groups(split)[1]) for split in SPLITS}
    assert all(files.values())
    assert len(set.union(*files.values())) == sum(map(len, files.values()))
    texts = [text for split in SPLITS for text in data.texts(split)["text"]]
    assert len(set(texts)) == len(texts) <= 30


def test_same_seed_same_data(data: Docstrings) -> None:
    again, other = loaded(), loaded(seed=1)
    assert again.names("test") == data.names("test")
    assert torch.equal(again.targets("train")["package"], data.targets("train")["package"])
    assert other.names("test") != data.names("test")


def test_texts_that_look_the_same_count_once() -> None:
    data = loaded(labels_per_class=None, tokenizer=HashedWords(length=2))
    tokens = [
        data.splits[each].inputs(torch.arange(len(data.splits[each])))["text"] for each in SPLITS
    ]
    seen = torch.cat(tokens)
    assert len(seen.unique(dim=0)) == len(seen) < 30
    for split in SPLITS:
        labels, names = data.targets(split)["package"].tolist(), data.names(split)
        assert [PACKAGES.index(name.split(".")[0]) for name in names] == labels


def test_tasks_and_tokenizer_can_be_chosen() -> None:
    data = loaded(tasks=["words"], tokenizer=Bytes(40))
    assert list(data.targets("train")) == ["words"]
    assert data.splits["test"].inputs(torch.tensor([0]))["text"].shape == (1, 40)
    assert data.class_names() == {}
    assert isinstance(data.written_inputs()["text"].tokenizer, Bytes)


def test_what_is_recorded(data: Docstrings) -> None:
    table = data.records()["packages.csv"]
    assert table["package"].tolist() == PACKAGES
    assert table["texts"].sum() == sum(len(each) for each in data.splits.values())
    assert table["fingerprint"].nunique() == 2
    assert data.class_names() == {"package": PACKAGES}


def test_other_texts_than_those_that_were_measured_are_told(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(docstrings, "PACKAGES", tuple(PACKAGES))
    monkeypatch.setattr(docstrings, "SAMPLES", 15)
    monkeypatch.setattr(docstrings, "MEASURED", {"json": "2.7", "email": "2.7"})
    with pytest.warns(DataRemark, match=r"json 3\.\S+ instead of 2\.7, email"):
        loaded()
    found = docstrings.fingerprint(loaded()._found)
    monkeypatch.setattr(docstrings, "MEASURED_FINGERPRINT", found)
    assert loaded().remarks == []


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"tasks": ["packages"]}, "Docstrings has no task 'packages'; did you mean 'package'"),
        ({"packages": ["json"]}, "give at least two different ones"),
        ({"packages": ["json", "json"]}, "give at least two different ones"),
        ({"samples": 0}, "samples is 0; give at least 1"),
        ({"labels_per_class": 50}, "labels_per_class is 50, but class 0 has"),
    ],
)
def test_what_is_refused(options: dict[str, Any], said: str) -> None:
    with pytest.raises(InputError, match=said):
        loaded(**options)
