"""Maps in files of NumPy, read by batch."""

from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import pytest
import torch

from multitask.data.dataset import InMemory
from multitask.data.loader import BatchLoader
from multitask.data.sampling import GlobalBatches
from multitask.data.stored_maps import StoredMaps
from multitask.errors import InputError

MAPS = np.random.default_rng(0).integers(0, 256, (12, 5, 4), dtype=np.uint8)
INDICES = torch.tensor([7, 0, 7, 11])


def files(folder: Path, maps: np.ndarray = MAPS) -> list[Path]:
    paths = [folder / f"{place}.npy" for place in range(len(maps))]
    for path, each in zip(paths, maps, strict=True):
        np.save(path, each)
    return paths


def one_file(folder: Path, maps: np.ndarray = MAPS) -> Path:
    np.save(folder / "all.npy", maps)
    return folder / "all.npy"


@pytest.mark.parametrize("dtype", ["uint8", "int64", "float16", "float32"])
@pytest.mark.parametrize("make", [files, one_file])
def test_any_rows_in_any_order(tmp_path: Path, make, dtype: str) -> None:  # type: ignore[no-untyped-def]
    maps = MAPS.astype(dtype)
    stored = StoredMaps(make(tmp_path, maps))
    assert len(stored) == 12
    assert stored.shape == (5, 4)
    found = stored[INDICES]
    assert found.dtype == getattr(torch, dtype)
    assert torch.equal(found, torch.from_numpy(maps[INDICES.numpy()]))
    # What was read is a copy, which may be written to.
    found.zero_()
    assert torch.equal(stored[INDICES], torch.from_numpy(maps[INDICES.numpy()]))


@pytest.mark.parametrize("make", [files, one_file])
def test_a_copy_for_another_process_reads_the_same(tmp_path: Path, make) -> None:  # type: ignore[no-untyped-def]
    stored = StoredMaps(make(tmp_path))
    before = stored[INDICES]
    content = pickle.dumps(stored)
    assert len(content) < 5000
    assert torch.equal(pickle.loads(content)[INDICES], before)


def test_loading_processes_read_them(tmp_path: Path) -> None:
    data = InMemory(torch.rand(12, 1, 5, 4), {"mask": StoredMaps(one_file(tmp_path))})
    loader = BatchLoader(data, GlobalBatches(12, 4, 0, shuffle=True), num_workers=1)
    for batch in loader:
        assert torch.equal(batch["mask"], torch.from_numpy(MAPS[batch["index"].numpy()]))


def test_files_that_cannot_be_targets_are_named(tmp_path: Path) -> None:
    paths = files(tmp_path)
    with pytest.raises(InputError, match=r"the target file .*none.npy does not exist"):
        StoredMaps(tmp_path / "none.npy")
    with pytest.raises(InputError, match="no files; give one"):
        StoredMaps([])
    (tmp_path / "broken.npy").write_text("a, b")
    with pytest.raises(InputError, match=r"broken.npy cannot be read .* numpy.save"):
        StoredMaps(tmp_path / "broken.npy")
    with pytest.raises(
        InputError, match=r"all.npy contains int32; convert it to uint8, .* or float32"
    ):
        StoredMaps(one_file(tmp_path, MAPS.astype("int32")))
    with pytest.raises(InputError, match=r"all.npy contains a single number"):
        StoredMaps(one_file(tmp_path, np.float32(3)))
    np.save(paths[3], MAPS[0, :2])
    with pytest.raises(
        InputError, match=r"3.npy contains uint8 of shape \[2, 4\].*0.npy .*\[5, 4\]"
    ):
        StoredMaps(paths)[torch.tensor([1, 3])]
