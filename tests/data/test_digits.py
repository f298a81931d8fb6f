"""Digits: scikit-learn's handwritten digits as they are."""

from __future__ import annotations

import pytest
import torch
from sklearn.datasets import load_digits
from torch.nn.functional import avg_pool2d
from torch.testing import assert_close

from multitask.data import Digits, digits
from multitask.data.digits import source_digits
from multitask.data.split_check import SPLITS
from multitask.errors import InputError


def loaded(seed: int = 0, labels_per_class: int | None = None) -> Digits:
    data = Digits(labels_per_class=labels_per_class, seed=seed)
    data.setup()
    return data


def test_source_digits_are_scaled_and_complete() -> None:
    images, labels = source_digits()
    bunch = load_digits()
    assert images.shape == (1797, 1, 8, 8)
    assert images.dtype == torch.float32
    assert labels.dtype == torch.int64
    assert_close(images[:, 0] * 16, torch.from_numpy(bunch.images).float())
    assert labels.tolist() == bunch.target.tolist()


def test_splits_are_a_partition(monkeypatch: pytest.MonkeyPatch) -> None:
    images, labels = source_digits()
    numbered = images, torch.arange(len(labels))
    monkeypatch.setattr(digits, "source_digits", lambda: numbered)
    data = loaded()
    parts = [data.targets(split)["digit"] for split in SPLITS]
    assert [len(part) for part in parts] == [1000, 297, 500]
    assert torch.cat(parts).sort().values.tolist() == list(range(1797))
    for split, rows in zip(SPLITS, parts, strict=True):
        dataset = data.splits[split]
        assert torch.equal(dataset.images(torch.arange(len(dataset))), images[rows])


def test_ink_is_the_mean_brightness_in_percent() -> None:
    data = loaded()
    batch = data.splits["val"][torch.tensor([5, 2])]
    assert_close(batch["ink"], 100 * batch["image"].flatten(1).mean(1))
    assert batch["index"].tolist() == [5, 2]


def test_labels_per_class_is_exact_and_concerns_training_alone() -> None:
    few, all_known = loaded(labels_per_class=7), loaded()
    digit, true = few.targets("train")["digit"], all_known.targets("train")["digit"]
    known = digit != -100
    assert digit[known].bincount().tolist() == [7] * 10
    assert torch.equal(digit[known], true[known])
    for split in ("val", "test"):
        assert torch.equal(few.targets(split)["digit"], all_known.targets(split)["digit"])
    assert torch.equal(few.targets("train")["ink"], all_known.targets("train")["ink"])


def test_seed_decides() -> None:
    first, same, other = (loaded(seed).targets("test")["ink"] for seed in (0, 0, 1))
    assert torch.equal(first, same)
    assert not torch.equal(first, other)


def test_digits_can_be_enlarged_and_stay_the_same_samples() -> None:
    data = Digits(image_size=16, seed=0)
    data.setup()
    plain = loaded()
    for split in SPLITS:
        rows = torch.arange(20)
        images = data.splits[split].images(rows)
        assert images.shape == (20, 1, 16, 16)
        assert images.min() >= 0
        assert images.max() <= 1
        small = avg_pool2d(images, 2)
        assert (small - plain.splits[split].images(rows)).abs().mean() < 0.1
        for task, targets in plain.targets(split).items():
            assert torch.equal(data.targets(split)[task], targets)
    with pytest.raises(InputError, match="image_size is 0; give at least 1"):
        Digits(image_size=0)
