"""Fingerprints tell samples apart, on each day and machine."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from tiny_training import TinyData
from torch import Tensor

from multitask.data import Mixture
from multitask.data import fingerprints as module
from multitask.data.cached_images import CachedImages
from multitask.data.dataset import BatchDataset, InMemory
from multitask.data.fingerprints import Fingerprints, of_digests, of_values
from multitask.data.joined import Joined
from multitask.data.rows import Rows
from multitask.data.stored_maps import StoredMaps
from multitask.images.cache import ImageCache
from multitask.images.format import ImageFormat

SAMPLES = 40


def which_differ(before: Tensor, now: Tensor) -> list[int]:
    return np.flatnonzero(of_values(before).differs(of_values(now))).tolist()


@pytest.mark.parametrize("dtype", [torch.uint8, torch.int64, torch.bool, torch.float32])
@pytest.mark.parametrize("shape", [(), (3,), (1, 2, 5), (3, 9, 9)])
def test_each_changed_number_is_seen(dtype: torch.dtype, shape: tuple[int, ...]) -> None:
    generator = torch.Generator().manual_seed(0)
    before = (100 * torch.rand(SAMPLES, *shape, generator=generator)).to(dtype)
    assert which_differ(before, before.clone()) == []
    rows = before.view(SAMPLES, -1)
    for place in range(rows.shape[1]):
        now = rows.clone()
        now[7, place] = ~now[7, place] if dtype == torch.bool else now[7, place] + 1
        assert which_differ(rows, now) == [7]


@pytest.mark.parametrize("value", [torch.nan, torch.inf, -torch.inf, 0.0])
def test_a_number_that_is_no_longer_finite_is_seen(value: float) -> None:
    before = torch.randn(SAMPLES, 2)
    before[3, 1], before[4, 1] = torch.nan, torch.inf
    assert which_differ(before, before.clone()) == []
    now = before.clone()
    now[7, 0] = value
    assert which_differ(before, now) == [7]


def test_other_roundings_are_no_change() -> None:
    before = torch.randn(SAMPLES, 50)
    before[0] = 0
    now = before * (1 + 1e-7 * torch.randn(SAMPLES, 50))
    now[0] = 1e-9
    assert which_differ(before, now) == []
    assert which_differ(before[:, 0], before[:, 0] * (1 + 2e-7)) == []


def test_swapped_samples_and_numbers_are_seen() -> None:
    before = torch.randn(SAMPLES, 4)
    assert which_differ(before, before[:, [1, 0, 2, 3]]) == list(range(SAMPLES))
    order = torch.arange(SAMPLES)
    order[2:4] = torch.tensor([3, 2])
    assert which_differ(before, before[order]) == [2, 3]


def test_they_are_the_same_for_ever() -> None:
    # Runs that began years ago are compared with them.
    found = of_values(torch.arange(6).view(2, 3))
    assert found.exact.tolist() == [8935520562143995912, -9071863930255107907]
    assert of_values(torch.tensor([[0.5, 2.0]])).rough.tolist() == pytest.approx(
        [2.554711398203841]
    )


def test_large_targets_on_a_disk_are_looked_at_here_and_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MOST_READ", 100)
    monkeypatch.setattr(module, "MOST_SAMPLES", 3)
    values = np.arange(200, dtype=np.uint8).reshape(10, 20)
    np.save(tmp_path / "maps.npy", values)
    first = of_values(StoredMaps(tmp_path / "maps.npy"))
    np.save(tmp_path / "maps.npy", values + 1)
    found = first.differs(of_values(StoredMaps(tmp_path / "maps.npy")))
    assert np.flatnonzero(found).tolist() == [0, 4, 9]


def cached(folder: Path) -> CachedImages:
    files = [folder / f"{number}.png" for number in range(3)]
    for number, file in enumerate(files):
        Image.new("RGB", (2, 2), (number, 0, 0)).save(file)
    cache = ImageCache(files, ImageFormat(2, 2), folder / "cache")
    cache.build()
    return CachedImages(cache, torch.tensor([2, 0]), {})


def test_images_of_files_are_known_by_their_digests(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    split = cached(tmp_path)
    monkeypatch.setattr(CachedImages, "images", lambda *_: pytest.fail("images were read"))
    (found,) = split.input_fingerprints().values()
    assert isinstance(found, Fingerprints)
    assert not found.differs(of_digests([split._digests[2], split._digests[0]])).any()
    assert found.differs(found.take(torch.tensor([1, 0]))).all()


def test_some_rows_and_several_sources_are_known_too(tmp_path: Path) -> None:
    images = torch.randint(0, 256, (4, 3, 2, 2), dtype=torch.uint8)
    of_memory = Rows(InMemory(images, {}), torch.tensor([3, 1]))
    (found,) = of_memory.input_fingerprints().values()
    assert not found.differs(of_values(images[[3, 1]])).any()
    of_files = cached(tmp_path)
    both = Joined([of_memory, of_files], {}, {"image": None})  # type: ignore[dict-item]
    (found,) = both.input_fingerprints().values()
    assert len(found) == 4

    class Unknown(BatchDataset):
        def __len__(self) -> int:
            return 2

        def images(self, indices: Tensor) -> Tensor:
            return images[indices]

    assert Unknown({}).input_fingerprints() == {}
    partly = Joined([of_memory, Unknown({})], {}, {"image": None})  # type: ignore[dict-item]
    assert partly.input_fingerprints() == {}


def test_a_mixture_has_them() -> None:
    data = Mixture({"a": TinyData(), "b": TinyData(seed=1)}, batch_size=8)
    data.setup()
    assert [len(each) for each in data.splits["train"].input_fingerprints().values()] == [48]
