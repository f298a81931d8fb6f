"""OverlaidDigits: sizes, targets, and that the images show what the targets say."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.testing import assert_close

from multitask.data import OverlaidDigits, overlaid_digits
from multitask.data.digits import source_digits
from multitask.data.overlaid_digits import overlay
from multitask.data.posed_digits import render
from multitask.data.split_check import SPLITS
from multitask.errors import InputError

SIZES = {"train": 2000, "val": 500, "test": 1500}
SOURCES = {"train": 1000, "val": 297, "test": 500}
TURNS = {"train": (2, 2), "val": (1, 2), "test": (3, 3)}
"""How often each source digit is drawn on each side, at least and at most."""


def loaded(**options: Any) -> OverlaidDigits:
    data = OverlaidDigits(**{"seed": 0, **options})
    data.setup()
    return data


@pytest.fixture(scope="module")
def data() -> OverlaidDigits:
    return loaded()


@pytest.fixture
def numbered(monkeypatch: pytest.MonkeyPatch) -> OverlaidDigits:
    """With the number of the source digit for its class."""
    glyphs, labels = source_digits()
    numbers = glyphs, torch.arange(len(labels))
    monkeypatch.setattr(overlaid_digits, "source_digits", lambda: numbers)
    return loaded()


def images(data: OverlaidDigits, split: str) -> Tensor:
    dataset = data.splits[split]
    return dataset.images(torch.arange(len(dataset)))


@pytest.mark.parametrize("split", SPLITS)
def test_sizes_and_kinds(data: OverlaidDigits, split: str) -> None:
    pictures, size = images(data, split), SIZES[split]
    assert pictures.shape == (size, 1, 24, 24)
    assert pictures.dtype == torch.float32
    assert pictures.min() == 0
    assert 0.9 < pictures.max() <= 1
    kinds = {name: (values.shape, values.dtype) for name, values in data.targets(split).items()}
    assert kinds == {
        "left": ((size,), torch.int64),
        "right": ((size,), torch.int64),
        "offset": ((size,), torch.float32),
    }


@pytest.mark.parametrize("split", SPLITS)
def test_offset_is_a_large_number_around_zero(data: OverlaidDigits, split: str) -> None:
    offset = data.targets(split)["offset"]
    assert 11 < offset.abs().max() <= 12.5
    assert_close(offset.mean(), torch.tensor(0.0), atol=0.5, rtol=0)
    # The difference of two uniform numbers.
    assert_close(offset.std(), torch.tensor(12.5 / math.sqrt(6)), atol=0.3, rtol=0)


@pytest.mark.parametrize("split", SPLITS)
def test_targets_are_independent(data: OverlaidDigits, split: str) -> None:
    targets = torch.stack([values.float() for values in data.targets(split).values()])
    assert_close(torch.corrcoef(targets), torch.eye(3), atol=0.12, rtol=0)


@pytest.mark.parametrize("split", SPLITS)
def test_every_source_digit_appears_equally_often_on_both_sides(
    numbered: OverlaidDigits, split: str
) -> None:
    for side in ("left", "right"):
        _, counts = numbered.targets(split)[side].unique(return_counts=True)
        assert len(counts) == SOURCES[split]
        assert (int(counts.min()), int(counts.max())) == TURNS[split]


def test_splits_share_no_source_digit_and_use_all(numbered: OverlaidDigits) -> None:
    for side in ("left", "right"):
        parts = [set(numbered.targets(split)[side].tolist()) for split in SPLITS]
        assert sum(map(len, parts)) == len(set.union(*parts)) == 1797
    for split in SPLITS:
        targets = numbered.targets(split)
        assert set(targets["left"].tolist()) == set(targets["right"].tolist())


@pytest.mark.parametrize("split", SPLITS)
def test_each_digit_is_drawn_on_its_side(split: str, monkeypatch: pytest.MonkeyPatch) -> None:
    glyphs, labels = source_digits()
    numbers = glyphs, torch.arange(len(labels))
    monkeypatch.setattr(overlaid_digits, "source_digits", lambda: numbers)
    monkeypatch.setattr(overlaid_digits, "NOISE", 0)
    monkeypatch.setattr(overlaid_digits, "JITTER", 0)
    still = loaded()
    upright, side = torch.zeros(SIZES[split]), torch.full((SIZES[split],), 14.0)
    left, right = (
        render(glyphs[still.targets(split)[task]], upright, side, torch.stack([at, upright], 1))
        for task, at in (("left", upright - 3), ("right", upright + 3))
    )
    assert_close(images(still, split), torch.maximum(left, right))


def centroids(pictures: Tensor) -> Tensor:
    """Pixels right and down of the centre, shape ``[samples, 2]``."""
    pixels = torch.arange(24) - 11.5
    weights = pictures[:, 0] / pictures.sum((1, 2, 3)).view(-1, 1, 1)
    return torch.stack([weights.sum(1) @ pixels, weights.sum(2) @ pixels], 1)


def test_image_shows_where_each_digit_lies(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(overlaid_digits, "NOISE", 0)
    mark, blank = torch.zeros(2, 300, 1, 8, 8)
    mark[:, :, 3:5, 3:5] = 1
    first, offset = overlay(mark, blank, torch.Generator().manual_seed(0))
    second, again = overlay(blank, mark, torch.Generator().manual_seed(0))
    assert torch.equal(again, offset)
    left, right = centroids(first), centroids(second)
    assert_close(100 / 24 * (right - left)[:, 1], offset, atol=0.5, rtol=0)
    for places, middle in ((left, -3), (right, 3)):
        moved = (places - torch.tensor([middle, 0])).abs()
        assert (moved.amax(0) > 1.4).all()
        assert moved.max() < 1.6
        assert torch.corrcoef(places.T)[0, 1].abs() < 0.2
    # A mark is a quarter of the digit's side.
    assert_close(first.sum((1, 2, 3)).mean(), torch.tensor((14 / 4) ** 2), atol=0, rtol=0.02)


def test_the_brighter_digit_shows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(overlaid_digits, "NOISE", 0)
    dark, bright = torch.full((9, 1, 8, 8), 0.25), torch.full((9, 1, 8, 8), 0.5)
    for pair in ((dark, bright), (bright, dark)):
        pictures, _ = overlay(*pair, torch.Generator().manual_seed(0))
        assert_close(pictures[:, 0, 12, 12], torch.full((9,), 0.5))
        assert pictures.max() == 0.5


def test_images_are_noisy_all_over() -> None:
    blank = torch.zeros(50, 1, 8, 8)
    pictures, _ = overlay(blank, blank, torch.Generator().manual_seed(0))
    # Half of the normal distribution is cut off at 0.
    assert_close(
        pictures.square().mean().sqrt(), torch.tensor(0.05 / math.sqrt(2)), rtol=0.03, atol=0
    )
    assert_close((pictures == 0).float().mean(), torch.tensor(0.5), atol=0.02, rtol=0)


def test_same_seed_same_data(data: OverlaidDigits) -> None:
    again = loaded()
    for split in SPLITS:
        assert torch.equal(images(data, split), images(again, split))
        for name, values in data.targets(split).items():
            assert torch.equal(values, again.targets(split)[name]), name


def test_other_seed_other_data(data: OverlaidDigits) -> None:
    other = loaded(seed=1)
    for split in SPLITS:
        assert not torch.equal(images(data, split), images(other, split))
        for name, values in data.targets(split).items():
            assert not torch.equal(values, other.targets(split)[name]), name


def test_other_seed_other_split(numbered: OverlaidDigits) -> None:
    other = loaded(seed=1)
    for split in SPLITS:
        here, there = (set(each.targets(split)["left"].tolist()) for each in (numbered, other))
        assert here != there


def test_only_the_chosen_tasks_are_there_and_images_stay_the_same(data: OverlaidDigits) -> None:
    chosen = loaded(tasks=["offset", "left"])
    assert list(chosen.targets("val")) == ["offset", "left"]
    assert torch.equal(images(data, "val"), images(chosen, "val"))


def test_unknown_task_suggests_the_nearest() -> None:
    with pytest.raises(InputError, match="no task 'rigth'; did you mean 'right'"):
        OverlaidDigits(tasks=["left", "rigth"])
    with pytest.raises(InputError, match=r"no task 'colour'; choose from .*'left'"):
        OverlaidDigits(tasks=["colour"])
