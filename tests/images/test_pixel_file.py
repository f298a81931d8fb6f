"""Images are read without staying in memory."""

from __future__ import annotations

import os
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path

import pytest
import torch

from multitask.errors import InputError
from multitask.images import pixel_file
from multitask.images.pixel_file import PixelFile

MEGABYTE = 2**20
STATUS = Path("/proc/self/status")


def _memory(name: str) -> int:
    values = dict(line.split(":") for line in STATUS.read_text().splitlines())
    return int(values[name].split()[0]) * 1024


def _growth(
    path: Path, images: int, shape: tuple[int, int, int], limit: int, answer: Connection
) -> None:
    pixel_file.MOST_MAPPED = limit
    mapped = PixelFile(path, images, shape)
    before = _memory("VmRSS")
    total = sum(
        int(mapped.read(rows)[:, 0, 0, 0].sum()) for rows in torch.randperm(images).split(128)
    )
    answer.send((_memory("VmHWM") - before, total))


@pytest.mark.skipif(not STATUS.exists(), reason="needs Linux")
def test_memory_does_not_grow_with_what_is_read(tmp_path: Path) -> None:
    path = tmp_path / "images.uint8"
    # Written, for the holes of a file that was only lengthened need not be in memory.
    with path.open("wb") as file:
        for _ in range(300):
            file.write(b"\1" * MEGABYTE)
    large = _growth_in_process(path, (3, 256, 256), pixel_file.MOST_MAPPED)
    small = _growth_in_process(path, (3, 64, 64), pixel_file.MOST_MAPPED)
    # Without a limit the file is in memory, so this test would see it.
    without = _growth_in_process(path, (3, 256, 256), 2**60)
    path.unlink()
    assert max(large, small) < 100 * MEGABYTE < 290 * MEGABYTE < without


def _growth_in_process(path: Path, shape: tuple[int, int, int], limit: int) -> int:
    images = 300 * MEGABYTE // (shape[0] * shape[1] * shape[2])
    context = get_context("fork")
    receiver, sender = context.Pipe(duplex=False)
    process = context.Process(target=_growth, args=(path, images, shape, limit, sender))
    process.start()
    growth, total = receiver.recv()
    process.join(30)
    assert total == images
    return growth


@pytest.mark.parametrize("most_mapped", [1, 2**20])
def test_small_files_large_files_and_systems_give_the_same(
    most_mapped: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pixel_file, "MOST_MAPPED", most_mapped)
    path = tmp_path / "images.uint8"
    path.write_bytes(bytes(range(24)))
    expected = torch.arange(24).reshape(4, 1, 2, 3)
    for _ in range(2):
        images = PixelFile(path, 4, (1, 2, 3))
        for rows in (torch.tensor([2, 1]), torch.tensor([0]), torch.tensor([], dtype=torch.int64)):
            assert torch.equal(images.read(rows), expected[rows])
        with pytest.raises(IndexError, match="4 images"):
            images.read(torch.tensor([4]))
        # As on macOS.
        monkeypatch.delattr(os, "preadv", raising=False)


def test_a_file_that_ends_too_early_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pixel_file, "MOST_MAPPED", 1)
    path = tmp_path / "images.uint8"
    path.write_bytes(bytes(10))
    with pytest.raises(InputError, match=f"{path} ends too early; delete {tmp_path}"):
        PixelFile(path, 2, (1, 2, 3)).read(torch.tensor([1]))
    path.unlink()
    with pytest.raises(InputError, match=f"{path} cannot be read any more"):
        PixelFile(path, 2, (1, 2, 3)).read(torch.tensor([1]))


def test_what_is_read_can_be_changed_without_changing_the_file(tmp_path: Path) -> None:
    path = tmp_path / "images.uint8"
    path.write_bytes(bytes(6))
    PixelFile(path, 1, (1, 2, 3)).read(torch.tensor([0])).fill_(9)
    assert path.read_bytes() == bytes(6)
