"""MaskedTokens: the targets are the tokens that a text no longer shows."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from multitask.data import DataModule, Mixture, Table
from multitask.data.computed import MaskedTokens
from multitask.data.dataset import BatchDataset, InMemory
from multitask.errors import InputError
from multitask.tokenizers import HashedWords

WORDS = [f"word{number}" for number in range(40)]


def texts(size: int = 50, seed: int = 0) -> Tensor:
    """Texts of 0 to 19 words."""
    generator = torch.Generator().manual_seed(seed)
    chosen = [torch.randint(40, (at % 20,), generator=generator).tolist() for at in range(size)]
    written = [" ".join(WORDS[word] for word in row) for row in chosen]
    return HashedWords(24)(written).tokens


def masked(how: MaskedTokens, size: int = 400, seed: int = 0) -> tuple[Tensor, BatchDataset]:
    before = texts(size)
    samples = InMemory({"text": before, "size": torch.rand(size, 1)}, {"kind": torch.arange(size)})
    return before, how(samples, seed, {})


def test_the_target_is_what_is_hidden() -> None:
    before, after = masked(MaskedTokens(0.3))
    rows = torch.arange(400)
    text, target = after.inputs(rows)["text"], after.targets["masked"]
    assert isinstance(target, Tensor)
    assert (text.dtype, target.dtype) == (torch.int32, torch.int64)
    hidden = target >= 0
    assert torch.equal(hidden, text == 2)
    assert torch.equal(torch.where(hidden, target, text.long()), before.long())
    assert torch.equal(after.targets["kind"][rows], rows)
    # Of texts of one word nothing is hidden.
    own = (before >= 3).sum(1)
    assert not hidden[own < 2].any()
    assert (text >= 3).sum(1)[own > 0].min() > 0
    assert 0.25 < float(hidden.sum() / own.sum()) < 0.35


def test_a_text_does_not_depend_on_those_that_it_is_read_with() -> None:
    _, after = masked(MaskedTokens(0.3))
    rows = torch.tensor([39, 7, 311])
    both = after[rows]
    assert set(both) == {"text", "size", "index", "kind", "masked"}
    assert torch.equal(both["text"], after.inputs(torch.arange(400))["text"][rows])
    assert torch.equal(after.one_input("text", rows), both["text"])
    assert torch.equal(after.one_input("size", rows), both["size"])


def test_the_seed_decides() -> None:
    first, same, other = (masked(MaskedTokens(), seed=seed)[1].targets for seed in (0, 0, 1))
    assert torch.equal(first["masked"], same["masked"])  # type: ignore[arg-type]
    assert not torch.equal(first["masked"], other["masked"])  # type: ignore[arg-type]


def test_some_that_are_to_be_told_are_seen() -> None:
    before, after = masked(MaskedTokens(0.5, kept=0.25, mask=9, target="word"))
    target, text = after[torch.arange(400)]["word"], after.inputs(torch.arange(400))["text"]
    told = target >= 0
    assert torch.equal(before[text != 9], text[text != 9])
    assert 0.7 < float((text == 9).sum() / told.sum()) < 0.8


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"input": "size"}, "'size', which is not a text; the inputs are text, size"),
        ({"target": "kind"}, "would replace 'kind'"),
    ],
)
def test_what_cannot_be_masked(settings: dict[str, str], said: str) -> None:
    with pytest.raises(InputError, match=said):
        masked(MaskedTokens(**settings))  # type: ignore[arg-type]


@pytest.mark.parametrize("settings", [{"share": 0.0}, {"share": 1.0}, {"kept": 2.0}])
def test_shares_that_cannot_be(settings: dict[str, float]) -> None:
    with pytest.raises(InputError, match="give a share"):
        MaskedTokens(**settings)  # type: ignore[arg-type]


class Reviews(DataModule):
    """Texts, with a class for each if they are labelled."""

    def __init__(self, labelled: bool, **options: object) -> None:
        super().__init__(batch_size=10, **options)  # type: ignore[arg-type]
        self.labelled = labelled

    def load(self) -> dict[str, BatchDataset]:
        found = {"train": texts(30, 1), "val": texts(20, 2), "test": texts(20, 3)}
        targets = {"mood": torch.arange(30) % 2} if self.labelled else {"length": torch.rand(30)}
        return {
            split: InMemory({"text": each}, {k: v[: len(each)] for k, v in targets.items()})
            for split, each in found.items()
        }


def test_parts_of_data_hide_other_places() -> None:
    data = Reviews(False, computed=[MaskedTokens()])
    masks = [data.targets(split)["masked"][:20] for split in ("val", "test")]
    assert not torch.equal(masks[0] >= 0, masks[1] >= 0)
    again = Reviews(False, computed=[MaskedTokens()]).targets("val")["masked"]
    assert torch.equal(again[:20], masks[0])


def test_labelled_texts_beside_unlabelled_ones_with_hidden_tokens() -> None:
    sources: dict[str, DataModule] = {
        "labelled": Reviews(True),
        "all": Reviews(False, computed=[MaskedTokens()]),
    }
    data = Mixture(sources, batch_size=10)
    for batch in data.train_dataloader():
        is_labelled = batch["@source"] == 0
        assert torch.equal(batch["mood"] >= 0, is_labelled)
        assert not (batch["masked"][is_labelled] >= 0).any()
        assert not (batch["text"][is_labelled] == 2).any()
    assert (data.targets("train")["masked"] >= 0).any()
    with pytest.raises(InputError, match="set it on the sources"):
        Mixture(sources, computed=[MaskedTokens()])


@pytest.mark.filterwarnings("ignore::multitask.data.look.DataRemark")
def test_a_table_of_texts_that_nobody_has_labelled(tmp_path: Path) -> None:
    path = tmp_path / "texts.csv"
    path.write_text("review\n" + "".join(f"{' '.join(WORDS[at:])} {at}\n" for at in range(30)))
    inputs: Any = {"text": {"column": "review"}}
    data = Table({}, path=path, inputs=inputs, image_column=None, computed=[MaskedTokens()], seed=0)
    assert list(data.targets("train")) == ["masked"]
    assert (data.targets("train")["masked"] >= 0).any()
    with pytest.raises(InputError, match="targets is empty; .* or computed targets"):
        Table({}, path=path, inputs=inputs, image_column=None)
