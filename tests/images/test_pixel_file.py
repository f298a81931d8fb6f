"""Images are read without staying in memory."""

from __future__ import annotations

import errno
import os
import pickle
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any
from zlib import crc32

import numpy as np
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


def _never(place: int) -> np.ndarray:
    raise AssertionError("nothing is damaged")


def _growth(
    path: Path, images: int, shape: tuple[int, int, int], limit: int, answer: Connection
) -> None:
    pixel_file.MOST_KEPT = limit
    size = shape[0] * shape[1] * shape[2]
    checksums = np.full(images, crc32(b"\1" * size), np.int64)
    large = PixelFile(path, shape, checksums, _never)
    before = _memory("VmRSS")
    total = sum(
        int(large.read(rows)[:, 0, 0, 0].sum()) for rows in torch.randperm(images).split(128)
    )
    answer.send((_memory("VmHWM") - before, total))


@pytest.mark.skipif(not STATUS.exists(), reason="needs Linux")
def test_memory_does_not_grow_with_what_is_read(tmp_path: Path) -> None:
    path = tmp_path / "images.uint8"
    # Written, for the holes of a file that was only lengthened need not be in memory.
    with path.open("wb") as file:
        for _ in range(300):
            file.write(b"\1" * MEGABYTE)
    large = _growth_in_process(path, (3, 256, 256), pixel_file.MOST_KEPT)
    small = _growth_in_process(path, (3, 64, 64), pixel_file.MOST_KEPT)
    # Without a limit the file is in memory, so this test would see it.
    without = _growth_in_process(path, (3, 256, 256), 2**60)
    path.unlink()
    assert max(large, small) < 100 * MEGABYTE
    if without < 290 * MEGABYTE:
        pytest.skip("the system takes back what was read, limit or not")


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


SHAPE = (1, 2, 3)
CONTENT = bytes(range(24))


@pytest.fixture
def four(tmp_path: Path) -> PixelFile:
    """Four images in a file of their own, which can be decoded again."""
    path = tmp_path / "images.uint8"
    path.write_bytes(CONTENT)
    return PixelFile(path, SHAPE, CHECKSUMS, decoded)


def decoded(place: int) -> np.ndarray:
    return np.frombuffer(CONTENT, np.uint8).reshape(4, *SHAPE)[place]


CHECKSUMS = np.array([crc32(decoded(place)) for place in range(4)], np.int64)
EXPECTED = torch.from_numpy(np.stack([decoded(place) for place in range(4)]))
ALL = torch.arange(4)


@pytest.mark.parametrize("most_kept", [1, 2**20])
def test_small_files_large_files_and_systems_give_the_same(
    most_kept: int, four: PixelFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pixel_file, "MOST_KEPT", most_kept)
    for _ in range(2):
        images = pickle.loads(pickle.dumps(four))
        for rows in (torch.tensor([2, 1]), torch.tensor([0]), torch.tensor([], dtype=torch.int64)):
            assert torch.equal(images.read(rows), EXPECTED[rows])
        with pytest.raises(IndexError, match="4 images"):
            images.read(torch.tensor([4]))
        # As on macOS.
        monkeypatch.delattr(os, "preadv", raising=False)


DAMAGES = {
    "zeros": lambda content: content[:12] + bytes(12),
    "a bit": lambda content: content[:9] + bytes([content[9] ^ 1]) + content[10:],
    "two swapped": lambda content: content[6:12] + content[:6] + content[12:],
    "cut off": lambda content: content[:14],
    "empty": lambda content: b"",
}


@pytest.mark.parametrize("most_kept", [1, 2**20])
@pytest.mark.parametrize("name", DAMAGES)
def test_damaged_images_are_decoded_again_and_mended(
    most_kept: int,
    name: str,
    four: PixelFile,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(pixel_file, "MOST_KEPT", most_kept)
    four.path.write_bytes(DAMAGES[name](CONTENT))
    for rows in (ALL, ALL.flip(0)):
        assert torch.equal(four.read(rows), EXPECTED[rows])
    assert four.path.read_bytes() == CONTENT
    (said,) = capsys.readouterr().err.splitlines()
    assert f"{four.path} is damaged: of 4 images read, " in said


@pytest.mark.parametrize("most_kept", [1, 2**20])
def test_a_damaged_file_that_cannot_be_written_is_read_nevertheless(
    most_kept: int, four: PixelFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pixel_file, "MOST_KEPT", most_kept)
    four.path.write_bytes(DAMAGES["zeros"](CONTENT))

    def refused(*arguments: Any) -> int:
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))

    monkeypatch.setattr(os, "pwrite", refused)
    for _ in range(3):
        assert torch.equal(four.read(ALL), EXPECTED)
    assert four.path.read_bytes() != CONTENT


@pytest.mark.parametrize("most_kept", [1, 2**20])
def test_a_file_that_is_cut_off_while_it_is_read_costs_nothing(
    most_kept: int, four: PixelFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pixel_file, "MOST_KEPT", most_kept)
    assert torch.equal(four.read(ALL), EXPECTED)
    os.truncate(four.path, 0)
    assert torch.equal(four.read(ALL), EXPECTED)


@pytest.mark.parametrize("most_kept", [1, 2**20])
def test_a_disk_that_cannot_read_costs_nothing(
    most_kept: int, four: PixelFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pixel_file, "MOST_KEPT", most_kept)

    def broken(*arguments: Any) -> int:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(os, "preadv", broken)
    assert torch.equal(four.read(ALL), EXPECTED)


def test_an_image_is_compared_once(four: PixelFile, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pixel_file, "MOST_KEPT", 1)
    compared: list[Any] = []
    monkeypatch.setattr(
        pixel_file, "crc32", lambda image: (compared.append(image), crc32(image))[1]
    )
    for rows in ([0, 1], [1, 2], [2, 0]):
        four.read(torch.tensor(rows))
    assert len(compared) == 3


def test_a_file_that_is_decoded_to_other_pixels_now_is_told(four: PixelFile) -> None:
    four.decode = lambda place: decoded(place) + 1
    four.path.write_bytes(DAMAGES["zeros"](CONTENT))
    with pytest.raises(InputError, match=f"image 2 .* delete {four.path.parent}, which"):
        four.read(ALL)


def test_a_file_that_is_gone_is_told(four: PixelFile) -> None:
    four.path.unlink()
    with pytest.raises(InputError, match=f"{four.path} can no longer be read"):
        four.read(torch.tensor([1]))


def test_what_is_read_can_be_changed_without_changing_the_file(four: PixelFile) -> None:
    four.read(ALL).fill_(9)
    assert four.path.read_bytes() == CONTENT
    assert torch.equal(four.read(ALL), EXPECTED)
