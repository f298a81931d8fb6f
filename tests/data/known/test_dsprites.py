"""DSprites: the file's subset, and targets that can be learnt."""

from __future__ import annotations

import math
import struct
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
from tiny_public_sets import write_dsprites
from torch.testing import assert_close

from multitask.data.known import DSprites, dsprites
from multitask.data.split_check import SPLITS
from multitask.errors import InputError


def rows_of(data: DSprites, split: str) -> torch.Tensor:
    """The rows of the file, which the tiny sprites tell."""
    samples = data.splits[split]
    images = samples.images(torch.arange(len(samples)))
    assert images.shape[1:] == (1, 64, 64)
    assert images.unique().tolist() == [0, 255]
    return images.flatten(1).int().argmax(1)


@pytest.mark.parametrize("samples", [None, 100])
def test_splits_are_a_random_part_with_its_own_targets(
    samples: int | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    values = torch.from_numpy(write_dsprites(tmp_path)["latents_values"]).float()
    monkeypatch.setattr(dsprites, "CHUNK", 64)
    data = DSprites(root=tmp_path, samples=samples, val=0.2, test=0.3, seed=0)
    data.setup()
    rows = {split: rows_of(data, split) for split in SPLITS}
    size = samples or 600
    assert [len(rows[split]) for split in SPLITS] == [size // 2, size // 5, size * 3 // 10]
    assert len(torch.cat(list(rows.values())).unique()) == size
    for split in SPLITS:
        targets, true = data.targets(split), values[rows[split]]
        assert torch.equal(targets["shape"], true[:, 1].long() - 1)
        assert torch.equal(targets["scale"], true[:, 2])
        assert torch.equal(targets["position"], true[:, 4:])
    if samples is not None:
        assert torch.cat(list(rows.values())).max() > 500
    other = DSprites(root=tmp_path, samples=samples, val=0.2, test=0.3, seed=1)
    other.setup()
    assert not torch.equal(rows_of(other, "train"), rows["train"])


@pytest.mark.parametrize(("shape", "turns"), [(1, 4), (2, 2), (3, 1)])
def test_what_looks_the_same_has_the_same_orientation(shape: int, turns: int) -> None:
    angles = torch.tensor([0.3, 0.3 + 2 * math.pi / turns, 0.3 + math.pi / turns])
    values = torch.zeros(3, 6)
    values[:, 1], values[:, 3] = shape, angles
    same, again, other = dsprites._targets(values)["orientation"]
    assert_close(same, again, atol=1e-5, rtol=0)
    assert_close(other, -same, atol=1e-5, rtol=0)


def test_too_many_samples_are_refused(tmp_path: Path) -> None:
    write_dsprites(tmp_path)
    with pytest.raises(InputError, match="^samples is 601, but dSprites have 600 images"):
        DSprites(root=tmp_path, samples=601).setup()
    with pytest.raises(InputError, match="samples is 2"):
        DSprites(root=tmp_path, samples=2)


def test_a_missing_or_damaged_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="DSprites is not in .*download to true"):
        DSprites(root=tmp_path).setup()
    write_dsprites(tmp_path)
    path = tmp_path / dsprites.FILE
    path.write_bytes(path.read_bytes()[:-500])
    with pytest.raises(InputError, match=r"npz is not the dSprites file, or is incomplete"):
        DSprites(root=tmp_path).setup()
    write_dsprites(tmp_path)
    content = bytearray(path.read_bytes())
    with zipfile.ZipFile(path) as archive:
        images = archive.getinfo("imgs.npy")
    # Where the compressed images begin: a kind of block that there is not.
    lengths = struct.unpack_from("<HH", content, images.header_offset + 26)
    content[images.header_offset + 30 + sum(lengths)] = 7
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"npz is not the dSprites file, or is incomplete"):
        DSprites(root=tmp_path, samples=None).setup()
    np.savez(path, imgs=np.zeros((5, 2, 2)), latents_values=np.zeros((5, 6)))
    with pytest.raises(InputError, match="its images are float64"):
        DSprites(root=tmp_path, samples=None).setup()
