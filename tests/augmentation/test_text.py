"""Tokens that are hidden or left out: each text its own, never special ones, never all."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from multitask.augmentation import (
    Augmentation,
    AugmentationSequence,
    ColorJitter,
    DropTokens,
    MaskTokens,
    RandomHorizontalFlip,
)
from multitask.augmentation.text import TextAugmentation
from multitask.data import DataModule
from multitask.data.dataset import BatchDataset, InMemory
from multitask.errors import InputError
from multitask.geometry import Geometry, Positions

BOTH = pytest.mark.parametrize("kind", [DropTokens, MaskTokens])


def texts(count: int = 200, places: int = 12) -> Tensor:
    """A beginning, then tokens from 3 on, each a number of its own, a separator, and the end."""
    found = torch.arange(3, 3 + places).int().repeat(count, 1)
    found[:, 0], found[:, 5] = 0, 1
    lengths = 1 + torch.arange(count) % places
    return found.where(torch.arange(places) < lengths[:, None], -1)


def changed(batch: Tensor, *augmentations: Augmentation, seed: int = 0) -> Tensor:
    entries = {"review": batch, "@place": torch.arange(len(batch))}
    return AugmentationSequence(augmentations, seed)(entries, {}, [])["review"]


def own(text: Tensor) -> list[int]:
    return [each for each in text.tolist() if each >= 3]


@BOTH
def test_about_so_many_tokens_change(kind: type[TextAugmentation]) -> None:
    before = texts(2400)
    after = changed(before, kind(0.3))
    left, all_of = (sum(len(own(each)) for each in some) for some in (after, before))
    # One of each text stays, which is the only one of the short ones.
    assert 0.68 < left / all_of < 0.8
    assert torch.equal(changed(before, kind(0.0)), before)


@BOTH
def test_special_tokens_and_one_other_stay(kind: type[TextAugmentation]) -> None:
    before = texts()
    after = changed(before, kind(1.0))
    assert torch.equal(after[:, 0], before[:, 0])
    assert torch.equal((after == 1).sum(1), (before == 1).sum(1))
    for old, new in zip(before, after, strict=True):
        assert len(own(new)) == min(len(own(old)), 1)


def test_a_hidden_token_is_the_mask_in_its_place() -> None:
    before = texts()
    after = changed(before, MaskTokens(0.5, mask=7777, specials=[0, 1, 4]))
    hidden = after == 7777
    assert hidden.any()
    assert hidden.sum(1).max() > 1
    assert torch.equal(after[~hidden], before[~hidden])
    # The special ones are those that are listed.
    assert not (hidden & ((before <= 1) | (before == 4))).any()


def test_what_is_behind_a_dropped_token_moves_up() -> None:
    before = texts()
    for old, new in zip(before.tolist(), changed(before, DropTokens(0.5)).tolist(), strict=True):
        kept = [each for each in new if each >= 0]
        assert new == kept + [-1] * (len(new) - len(kept))
        assert kept == [each for each in old if each in kept]


@BOTH
def test_a_text_changes_in_the_same_way_in_any_batch(kind: type[TextAugmentation]) -> None:
    before = texts(20)
    entries = {"a": before, "b": before, "@place": torch.arange(20)}
    made = AugmentationSequence([ColorJitter(), kind(0.4)], 3)
    made.augmentations = made.augmentations[1:] + made.augmentations[1:]
    whole = made(entries, {}, [])
    # Two texts of a sample have numbers of their own.
    assert not torch.equal(whole["a"], whole["b"])
    for rows in (torch.tensor([7]), torch.arange(3, 11)):
        part = made({name: each[rows] for name, each in entries.items()}, {}, [])
        for name in "ab":
            assert torch.equal(part[name], whole[name][rows])
    assert not torch.equal(changed(before, kind(0.4), seed=1), changed(before, kind(0.4)))


def test_images_change_as_they_do_without_texts() -> None:
    images = torch.rand(9, 1, 4, 6)
    batch = {"image": images, "@place": torch.arange(9), "at": torch.rand(9, 2) * 4}
    geometry: dict[str, Geometry] = {"at": Positions()}
    alone = AugmentationSequence([RandomHorizontalFlip()], 0)(batch, geometry)
    both = AugmentationSequence([RandomHorizontalFlip(), MaskTokens(0.9)], 0)
    found = both({**batch, "text": texts(9)}, geometry, ["at"])
    for name in ("image", "at"):
        assert torch.equal(found[name], alone[name])
    assert not torch.equal(found["text"], texts(9))


def test_targets_of_tokens_and_of_labels() -> None:
    entries = {"text": texts(), "tag": torch.zeros(200, 12).long(), "@place": torch.arange(200)}
    kept = AugmentationSequence([MaskTokens(0.5)], 0)(entries, {}, ["tag"])
    assert torch.equal(kept["tag"], entries["tag"])
    with pytest.raises(InputError, match="DropTokens moves tokens, but the target 'tag' .*Mask"):
        AugmentationSequence([DropTokens(0.5)], 0)(entries, {}, ["tag"])
    entries["tag"] = torch.zeros(200, 4).long()
    AugmentationSequence([DropTokens(0.5)], 0)(entries, {}, ["tag"])


def test_a_probability_is_from_0_to_1() -> None:
    with pytest.raises(InputError, match=r"probability is 1.5"):
        MaskTokens(1.5)


def test_a_mask_is_a_token() -> None:
    with pytest.raises(InputError, match="mask is -1; give the number of a token"):
        MaskTokens(mask=-1)


class Reviews(DataModule):
    """Texts and nothing else."""

    def load(self) -> dict[str, BatchDataset]:
        targets = {"mood": torch.rand(200)}
        inputs = {"review": texts()}
        return {split: InMemory(inputs, targets) for split in ("train", "val", "test")}


def test_only_training_texts_change() -> None:
    data = Reviews(augmentations=[MaskTokens(0.5, mask=99)], batch_size=50)
    for loader, are_changed in ((data.train_dataloader(), True), (data.test_dataloader(), False)):
        seen = [data.on_after_batch_transfer(batch, 0)["review"] for batch in loader]
        assert any(bool((each == 99).any()) for each in seen) == are_changed


@pytest.mark.parametrize(
    ("augmentation", "said"),
    [
        (RandomHorizontalFlip(), "RandomHorizontalFlip changes images, but Reviews has no input"),
        (MaskTokens(0.1, input="text"), "no text 'text'; its inputs are review"),
    ],
)
def test_augmentations_of_what_there_is_not(augmentation: Augmentation, said: str) -> None:
    with pytest.raises(InputError, match=said):
        Reviews(augmentations=[augmentation]).setup()
