"""PosedDigits: sizes, targets, and that the images show what the targets say."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d
from torch.testing import assert_close

from multitask.augmentation import (
    AugmentationSequence,
    RandomAffine,
    RandomCrop,
    RandomHorizontalFlip,
    RandomVerticalFlip,
)
from multitask.data import PosedDigits, posed_digits
from multitask.data.digits import source_digits
from multitask.data.posed_digits import distances, pose, render
from multitask.data.split_check import SPLITS
from multitask.errors import InputError
from multitask.geometry import Thumbnail
from multitask.missing_labels import known

SIZES = {"train": 2000, "val": 500, "test": 1500}


def loaded(**options: Any) -> PosedDigits:
    data = PosedDigits(**{"seed": 0, **options})
    data.setup()
    return data


@pytest.fixture(scope="module", autouse=True)
def posed_anew() -> Iterator[None]:
    """Elsewhere, digits that are posed alike are posed once, which would hide differences."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(posed_digits, "pose", getattr(pose, "__wrapped__", pose))
        yield


@pytest.fixture(scope="module")
def data(posed_anew: None) -> PosedDigits:
    return loaded()


def images(data: PosedDigits, split: str) -> Tensor:
    dataset = data.splits[split]
    return dataset.images(torch.arange(len(dataset)))


@pytest.mark.parametrize("split", SPLITS)
def test_sizes_and_kinds(data: PosedDigits, split: str) -> None:
    pictures, size = images(data, split), SIZES[split]
    assert pictures.shape == (size, 1, 24, 24)
    assert pictures.dtype == torch.float32
    assert pictures.min() == 0
    assert 0.9 < pictures.max() <= 1
    shapes = {name: tuple(values.shape) for name, values in data.targets(split).items()}
    assert shapes == {
        "digit": (size,),
        "angle": (size,),
        "scale": (size,),
        "position": (size, 2),
        "glyph": (size, 16),
    }
    assert data.targets(split)["digit"].dtype == torch.int64


@pytest.mark.parametrize("split", SPLITS)
@pytest.mark.parametrize(
    ("task", "low", "high"), [("angle", -30, 30), ("scale", 12, 20), ("position", -3, 3)]
)
def test_poses_fill_their_ranges_evenly(
    data: PosedDigits, split: str, task: str, low: float, high: float
) -> None:
    shares = (data.targets(split)[task] - low) / (high - low)
    assert 0 <= shares.min() < 0.02
    assert 0.98 < shares.max() <= 1
    assert_close(shares.mean(), torch.tensor(0.5), atol=0.05, rtol=0)
    assert_close(shares.std(), torch.tensor(1 / math.sqrt(12)), atol=0.02, rtol=0)


def test_poses_are_independent(data: PosedDigits) -> None:
    targets = data.targets("train")
    columns = [targets["angle"], targets["scale"], *targets["position"].T]
    correlation = torch.corrcoef(torch.stack(columns))
    assert_close(correlation, torch.eye(4), atol=0.08, rtol=0)


@pytest.mark.parametrize("split", SPLITS)
def test_glyph_is_a_thumbnail_of_a_source_digit_of_that_class(
    data: PosedDigits, split: str
) -> None:
    sources, labels = source_digits()
    distances = torch.cdist(data.targets(split)["glyph"], avg_pool2d(sources, 2).flatten(1))
    nearest, place = distances.min(1)
    assert nearest.max() < 1e-3
    digit = data.targets(split)["digit"]
    assert (labels[place] == digit)[digit >= 0].float().mean() > 0.999


def test_splits_share_no_source_digit_and_use_all(monkeypatch: pytest.MonkeyPatch) -> None:
    glyphs, labels = source_digits()
    numbered = glyphs, torch.arange(len(labels))
    monkeypatch.setattr(posed_digits, "source_digits", lambda: numbered)
    data = loaded(labels_per_class=None)
    parts = {split: set(data.targets(split)["digit"].tolist()) for split in SPLITS}
    assert {split: len(part) for split, part in parts.items()} == {
        "train": 1000,
        "val": 297,
        "test": 500,
    }
    assert set.union(*parts.values()) == set(range(1797))


@pytest.mark.parametrize("kept", [1, 10, 40])
def test_labels_per_class_is_exact_and_concerns_training_alone(kept: int) -> None:
    few, all_known = loaded(labels_per_class=kept), loaded(labels_per_class=None)
    digit, true = few.targets("train")["digit"], all_known.targets("train")["digit"]
    known = digit != -100
    assert digit[known].bincount(minlength=10).tolist() == [kept] * 10
    assert torch.equal(digit[known], true[known])
    assert true.min() == 0
    for split in ("val", "test"):
        assert torch.equal(few.targets(split)["digit"], all_known.targets(split)["digit"])
        assert few.targets(split)["digit"].unique().tolist() == list(range(10))
    assert torch.equal(images(few, "train"), images(all_known, "train"))
    assert few.targets("train")["angle"].isfinite().all()


def centroids(pictures: Tensor) -> Tensor:
    """Pixels right and down of the centre, shape ``[samples, 2]``."""
    pixels = torch.arange(24) - 11.5
    weights = pictures[:, 0] / pictures.sum((1, 2, 3)).view(-1, 1, 1)
    return torch.stack([weights.sum(1) @ pixels, weights.sum(2) @ pixels], 1)


def test_image_shows_angle_scale_and_position(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(posed_digits, "NOISE", 0)
    above, right = torch.zeros(2, 300, 1, 8, 8)
    above[:, :, 1, 3:5] = 1
    right[:, :, 3:5, 6] = 1
    pictures, targets = pose(above, torch.Generator().manual_seed(0))
    radians = targets["angle"] * math.pi / 180
    # Both marks lie 2.5 of 8 pixels from the glyph's centre. Turned clockwise, what is above
    # goes right, and what is right goes down.
    far = (2.5 / 8 * targets["scale"]).unsqueeze(1)
    up = torch.stack([radians.sin(), -radians.cos()], 1)
    across = torch.stack([radians.cos(), radians.sin()], 1)
    assert_close(centroids(pictures), targets["position"] + far * up, atol=0.1, rtol=0)
    ink = pictures.sum((1, 2, 3))
    assert_close(ink, 2 * (targets["scale"] / 8).square(), atol=0, rtol=0.1)
    pictures, again = pose(right, torch.Generator().manual_seed(0))
    assert torch.equal(again["angle"], targets["angle"])
    assert_close(centroids(pictures), targets["position"] + far * across, atol=0.1, rtol=0)


def test_targets_say_what_augmented_images_show(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(posed_digits, "NOISE", 0)
    glyphs = source_digits()[0][:200]
    pictures, targets = pose(glyphs, torch.Generator().manual_seed(0))
    # All of the glyph rather than a thumbnail, so that it can be drawn again.
    batch = {"image": pictures, "@place": torch.arange(200), **targets, "all": glyphs.flatten(1)}
    moves = [RandomAffine(90, (0.1, 0.1), (0.8, 1)), RandomHorizontalFlip(), RandomVerticalFlip()]
    geometry = PosedDigits().geometry
    found = AugmentationSequence([*moves, RandomCrop(2)], seed=0)(
        batch, {**geometry, "all": Thumbnail(8)}
    )
    radians = found["angle"] * math.pi / 180
    redrawn = found["all"].view(-1, 1, 8, 8)
    expected = render(redrawn, radians, found["scale"], found["position"])
    assert_close(found["image"].mean((1, 2, 3)), expected.mean((1, 2, 3)), atol=0.02, rtol=0)
    # Twice drawn between the pixels is a little blurred.
    assert (found["image"] - expected).square().mean().sqrt() < 0.025
    assert (pictures - expected).square().mean().sqrt() > 0.25
    assert_close(found["glyph"], avg_pool2d(redrawn, 2).flatten(1))
    assert 60 < int((found["glyph"] != batch["glyph"]).any(1).sum()) < 140


def test_images_are_noisy_all_over() -> None:
    pictures, _ = pose(torch.zeros(50, 1, 8, 8), torch.Generator().manual_seed(0))
    # Half of the normal distribution is cut off at 0.
    assert_close(
        pictures.square().mean().sqrt(), torch.tensor(0.05 / math.sqrt(2)), rtol=0.03, atol=0
    )
    assert_close((pictures == 0).float().mean(), torch.tensor(0.5), atol=0.02, rtol=0)


def test_maps_show_the_strokes_of_the_images() -> None:
    data, plain = loaded(tasks=["angle", "silhouette", "distance"]), loaded(tasks=["angle"])
    pictures = images(data, "val")
    assert torch.equal(pictures, images(plain, "val"))
    assert torch.equal(data.targets("val")["angle"], plain.targets("val")["angle"])
    stored = data.splits["val"].targets["silhouette"]
    assert isinstance(stored, Tensor)
    assert stored.dtype == torch.uint8
    targets = data.targets("val")
    silhouette, distance = targets["silhouette"], targets["distance"]
    assert silhouette.dtype == torch.int64
    assert silhouette.shape == distance.shape == (500, 24, 24)
    assert set(silhouette.unique().tolist()) == {0, 1}
    strokes = silhouette == 1
    bright = pictures.squeeze(1)
    assert bright[strokes].min() > 0.2
    assert bright[strokes].mean() > 0.6
    assert bright[distance > 3].mean() < 0.05
    assert torch.equal(distance == 0, strokes)
    # The nearest stroke's pixel, of one image by brute force.
    places = torch.stack(torch.meshgrid(torch.arange(24), torch.arange(24), indexing="ij"), 2)
    nearest = torch.cdist(places.view(-1, 2).double(), places[strokes[7]].double()).amin(1)
    assert_close(distance[7].flatten().double(), nearest, atol=1e-5, rtol=0)


def test_a_share_of_the_training_pixels_is_missing() -> None:
    maps = ["silhouette", "distance"]
    data, whole = loaded(tasks=maps, missing_pixels=0.25), loaded(tasks=maps)
    for name in maps:
        found, expected = data.targets("train")[name], whole.targets("train")[name]
        kept = known(found)
        assert_close(kept.float().mean(), torch.tensor(0.75), atol=0.01, rtol=0)
        assert torch.equal(found[kept], expected[kept])
        assert known(data.targets("test")[name]).all()
    with pytest.raises(InputError, match="missing_pixels is 1; give a share"):
        PosedDigits(missing_pixels=1)


def test_maps_follow_their_digits() -> None:
    moves = [RandomAffine(40, (0.1, 0.1), (0.8, 1.2)), RandomHorizontalFlip()]
    data = loaded(tasks=["silhouette", "distance"], augmentations=moves)
    batch = data.augmented(torch.arange(200))
    silhouette, distance = batch["silhouette"], batch["distance"]
    assert silhouette.dtype == torch.int64
    strokes = silhouette == 1
    assert batch["image"].squeeze(1)[strokes].mean() > 0.6
    # Measured anew in the moved silhouettes: in the enlarged image's pixels.
    near = known(silhouette).flatten(1).all(1)
    again = distances(strokes[near])
    assert near.sum() > 5
    assert (again - distance[near]).abs().mean() < 0.5


def test_same_seed_same_data(data: PosedDigits) -> None:
    again = loaded()
    for split in SPLITS:
        assert torch.equal(images(data, split), images(again, split))
        for name, values in data.targets(split).items():
            assert torch.equal(values, again.targets(split)[name]), name


def test_other_seed_other_data(data: PosedDigits) -> None:
    other = loaded(seed=1)
    for split in SPLITS:
        assert not torch.equal(images(data, split), images(other, split))
        for name, values in data.targets(split).items():
            assert not torch.equal(values, other.targets(split)[name]), name


def test_only_the_chosen_tasks_are_there_and_images_stay_the_same(data: PosedDigits) -> None:
    chosen = loaded(tasks=["scale", "digit"])
    assert list(chosen.targets("val")) == ["scale", "digit"]
    assert torch.equal(images(data, "val"), images(chosen, "val"))


def test_unknown_task_suggests_the_nearest() -> None:
    with pytest.raises(InputError, match="no task 'angel'; did you mean 'angle'"):
        PosedDigits(tasks=["digit", "angel"])
    with pytest.raises(InputError, match=r"no task 'colour'; choose from .*'digit'"):
        PosedDigits(tasks=["colour"])
