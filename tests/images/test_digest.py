"""Files are read again only if they may have changed."""

from __future__ import annotations

import hashlib
import os
import time
from multiprocessing import get_context
from pathlib import Path

import pytest

from multitask.images import digest as digesting
from multitask.images.digest import digest_files


def files_of_old(folder: Path, count: int = 3) -> list[Path]:
    """Files whose content the digests may rely on from the beginning."""
    folder.mkdir(exist_ok=True)
    files = [folder / f"{number}.png" for number in range(count)]
    for number, file in enumerate(files):
        file.write_bytes(b"image %d" % number)
    return files


@pytest.fixture(autouse=True)
def _now_is_later(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(digesting, "RECENT", 0.0)


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Names of the files that have been read."""
    names: list[str] = []
    digest = digesting._digest

    def noting(path: str) -> object:
        names.append(os.path.basename(path))
        return digest(path)

    monkeypatch.setattr(digesting, "_digest", noting)
    return names


def test_digests_tell_contents_in_order(tmp_path: Path) -> None:
    files = files_of_old(tmp_path / "images")
    expected = [hashlib.sha256(b"image %d" % number).hexdigest() for number in range(3)]
    assert digest_files(files, tmp_path).values == expected
    assert digest_files(files[::-1], tmp_path).values == expected[::-1]


def test_only_what_changed_is_read_again(tmp_path: Path, read: list[str]) -> None:
    files = files_of_old(tmp_path / "images")
    first = digest_files(files, tmp_path).values
    assert sorted(read) == ["0.png", "1.png", "2.png"]
    read.clear()
    assert digest_files(files, tmp_path).values == first
    assert read == []
    files[1].write_bytes(b"other 1")
    changed = digest_files(files, tmp_path).values
    assert read == ["1.png"]
    assert [old == new for old, new in zip(first, changed, strict=True)] == [True, False, True]
    more = [*files, tmp_path / "images" / "3.png"]
    more[3].write_bytes(b"image 3")
    read.clear()
    digest_files(more, tmp_path)
    assert read == ["3.png"]


def test_a_change_that_keeps_size_and_time_is_seen(tmp_path: Path, read: list[str]) -> None:
    files = files_of_old(tmp_path / "images", 1)
    first = digest_files(files, tmp_path).values
    before = files[0].stat()
    files[0].write_bytes(b"IMAGE 0")
    os.utime(files[0], ns=(before.st_atime_ns, before.st_mtime_ns))
    assert digest_files(files, tmp_path).values != first


def test_a_file_that_has_just_changed_is_not_relied_on(
    tmp_path: Path, read: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(digesting, "RECENT", 2.0)
    files = files_of_old(tmp_path / "images", 1)
    digest_files(files, tmp_path)
    digest_files(files, tmp_path)
    assert len(read) == 2
    now = time.time()
    monkeypatch.setattr(digesting.time, "time", lambda: now + 3)
    digest_files(files, tmp_path)
    digest_files(files, tmp_path)
    assert len(read) == 3


def test_what_cannot_be_read_has_a_reason(tmp_path: Path) -> None:
    files = [*files_of_old(tmp_path / "images", 1), tmp_path / "none.png", tmp_path / "images"]
    digests = digest_files(files, tmp_path)
    assert {place: str(problem) for place, problem in digests.problems.items()} == {
        1: "no such file or directory",
        2: "not a file",
    }
    assert len(set(digests.values)) == 3


@pytest.mark.parametrize("content", [b"", b"[1]", b'["', b"\xff", b"[[1], 2, 3]"])
def test_a_damaged_memory_is_replaced(tmp_path: Path, content: bytes) -> None:
    files = files_of_old(tmp_path / "images")
    first = digest_files(files, tmp_path).values
    (memory,) = (tmp_path / "digests").glob("*.jsonl")
    memory.write_bytes(content)
    assert digest_files(files, tmp_path).values == first
    assert len(memory.read_text().splitlines()) == 3


def test_no_changed_bit_of_a_memory_is_believed(tmp_path: Path, read: list[str]) -> None:
    files = files_of_old(tmp_path / "images", 2)
    expected = digest_files(files, tmp_path).values
    (memory,) = (tmp_path / "digests").glob("*.jsonl")
    content = memory.read_bytes()
    for at in range(len(content)):
        read.clear()
        memory.write_bytes(content[:at] + bytes([content[at] ^ 1 << at % 8]) + content[at + 1 :])
        assert digest_files(files, tmp_path).values == expected
        # The other line is whole, unless both became one.
        assert 1 <= len(read) <= 2


def test_a_folder_that_cannot_be_written_only_costs_time(tmp_path: Path) -> None:
    files = files_of_old(tmp_path / "images")
    (tmp_path / "file").touch()
    assert len(digest_files(files, tmp_path / "file").values) == 3


def test_several_processes_remember_all(tmp_path: Path) -> None:
    files = files_of_old(tmp_path / "images", 40)
    context = get_context("fork")
    parts = [files[:30], files[10:], files[::2]]
    processes = [context.Process(target=digest_files, args=(part, tmp_path)) for part in parts]
    for process in processes:
        process.start()
    for process in processes:
        process.join(30)
        assert process.exitcode == 0
    (memory,) = (tmp_path / "digests").glob("*.jsonl")
    assert len(memory.read_text().splitlines()) == 40
    assert sorted(path.suffix for path in memory.parent.iterdir()) == [".jsonl", ".lock"]
