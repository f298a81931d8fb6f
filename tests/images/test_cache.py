"""The cache gives the files' pixels, whatever happened before."""

from __future__ import annotations

import errno
import os
import pickle
import shutil
import signal
import time
import warnings
from collections.abc import Callable
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from threading import Thread
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from multitask.data.cached_images import CachedImages
from multitask.data.loader import BatchLoader
from multitask.data.sampling import GlobalBatches
from multitask.errors import InputError
from multitask.images import cache_build, cache_state, chunks, ordered_threads
from multitask.images.cache import ImageCache
from multitask.images.cache_state import default_folder
from multitask.images.decoding import ImageFormat, decode
from multitask.images.digest import digest_files
from multitask.images.file_lock import exclusive
from multitask.images.index import read_beginning, read_index

FORMAT = ImageFormat(4, 6)
FORKED = get_context("fork")


def image_files(folder: Path, count: int = 5) -> list[Path]:
    """Files of random pixels, each 3 pixels wider than the one before."""
    folder.mkdir(exist_ok=True)
    generator = np.random.default_rng(0)
    files = [folder / f"{number}.png" for number in range(count)]
    for number, file in enumerate(files):
        pixels = generator.integers(0, 256, (8, 9 + 3 * (number % 7), 3), dtype=np.uint8)
        Image.fromarray(pixels).save(file)
    return files


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    return image_files(tmp_path / "images")


@pytest.fixture
def built(tmp_path: Path) -> Callable[..., ImageCache]:
    """A cache in the test's own folder, built; any argument can be replaced."""

    def build(files: list[Path], format: ImageFormat = FORMAT, **options: Any) -> ImageCache:
        cache = ImageCache(files, format, **{"folder": tmp_path / "cache", **options})
        cache.build()
        return cache

    return build


def decoded(files: list[Path], format: ImageFormat = FORMAT) -> torch.Tensor:
    return torch.stack([torch.from_numpy(decode(file, format)[0]) for file in files])


def everything(cache: ImageCache) -> torch.Tensor:
    return cache.read(torch.arange(len(cache.files)))


@pytest.fixture
def times_decoded(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Names of the files that have been decoded."""
    names: list[str] = []

    def noting(path: Path, format: ImageFormat) -> Any:
        names.append(path.name)
        return decode(path, format)

    monkeypatch.setattr(cache_state, "decode", noting)
    return names


def caches(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir() if (path / "index.jsonl").exists())


def test_it_gives_pixels_sizes_and_digests(
    files: list[Path], built: Callable[..., ImageCache]
) -> None:
    cache = built(files)
    rows = torch.tensor([3, 0, 3])
    assert cache.read(rows).dtype == torch.uint8
    assert torch.equal(cache.read(rows), decoded(files)[rows])
    assert cache.sizes.tolist() == [[8, 9], [8, 12], [8, 15], [8, 18], [8, 21]]
    assert len(set(cache.digests)) == 5
    assert cache.problems == {}
    with pytest.raises(IndexError):
        cache.read(torch.tensor([5]))


def test_no_files_are_no_images(built: Callable[..., ImageCache]) -> None:
    cache = built([])
    assert cache.sizes.shape == (0, 2)
    assert cache.read(torch.tensor([], dtype=torch.int64)).shape == (0, 3, 4, 6)


@pytest.mark.parametrize("chunk", [1, 200])
def test_problems_are_kept_by_place(
    files: list[Path],
    built: Callable[..., ImageCache],
    tmp_path: Path,
    chunk: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(chunks, "CHUNK", chunk)
    files[1].write_bytes(b"")
    files[3] = tmp_path / "none.png"
    format = ImageFormat(4, 6, most_pixels=160)
    for _ in range(2):
        cache = built(files, format)
        assert {place: each.kind for place, each in cache.problems.items()} == {
            1: "unreadable_image",
            3: "unreadable_image",
            4: "huge_image",
        }
        assert str(cache.problems[1]) == "the file is empty"
        assert cache.sizes[[1, 3, 4]].sum() == 0
        assert torch.equal(cache.read(torch.tensor([0, 2])), decoded([files[0], files[2]]))
        assert cache.read(torch.tensor([1, 3, 4])).sum() == 0


def test_a_second_start_decodes_nothing(
    files: list[Path], built: Callable[..., ImageCache], times_decoded: list[str]
) -> None:
    first = built(files)
    assert len(times_decoded) == 5
    for file in files:
        os.utime(file, (1, 1))
    second = built(files)
    assert len(times_decoded) == 5
    assert torch.equal(everything(first), everything(second))
    assert torch.equal(first.sizes, second.sizes)


def test_other_places_of_the_same_content_are_the_same_cache(
    files: list[Path], built: Callable[..., ImageCache], tmp_path: Path, times_decoded: list[str]
) -> None:
    built(files)
    moved = shutil.copytree(tmp_path / "images", tmp_path / "moved")
    built([moved / file.name for file in files])
    assert len(times_decoded) == 5
    assert len(caches(tmp_path / "cache")) == 1


@pytest.mark.parametrize(
    "format",
    [
        ImageFormat(6, 4),
        ImageFormat(4, 6, channels=1),
        ImageFormat(4, 6, fit="crop"),
        ImageFormat(4, 6, white=4095),
        ImageFormat(4, 6, most_pixels=10**6),
    ],
)
def test_other_settings_are_another_cache(
    files: list[Path], built: Callable[..., ImageCache], tmp_path: Path, format: ImageFormat
) -> None:
    first = built(files)
    second = built(files, format)
    assert torch.equal(everything(second), decoded(files, format))
    assert torch.equal(everything(first), decoded(files))
    assert len(caches(tmp_path / "cache")) == 2


def test_another_version_content_or_order_is_another_cache(
    files: list[Path],
    built: Callable[..., ImageCache],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    built(files)
    monkeypatch.setattr(cache_state, "VERSION", cache_state.VERSION + 1)
    built(files)
    assert torch.equal(everything(built(files[::-1])), decoded(files[::-1]))
    Image.new("RGB", (3, 3), "red").save(files[0])
    assert torch.equal(everything(built(files)), decoded(files))
    assert len(caches(tmp_path / "cache")) == 4


@pytest.mark.parametrize("name", ["images.uint8", "index.jsonl"])
def test_a_damaged_cache_is_filled_anew(
    files: list[Path],
    built: Callable[..., ImageCache],
    tmp_path: Path,
    name: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    built(files)
    (file,) = (tmp_path / "cache").glob(f"*/{name}")
    for damaged in (file.read_bytes()[:-1], b"", b"{}\n" * 5):
        file.write_bytes(damaged)
        assert torch.equal(everything(built(files)), decoded(files))
        assert "is damaged" in capsys.readouterr().err
    file.unlink()
    assert torch.equal(everything(built(files)), decoded(files))
    built(files)
    assert capsys.readouterr().err.count("is damaged") == 1


def test_zeroed_pixels_are_never_believed(
    files: list[Path],
    built: Callable[..., ImageCache],
    tmp_path: Path,
    times_decoded: list[str],
    capsys: pytest.CaptureFixture[str],
) -> None:
    built(files)
    (file,) = (tmp_path / "cache").glob("*/images.uint8")
    content = file.read_bytes()
    file.write_bytes(content[: len(content) // 2] + bytes(len(content) - len(content) // 2))
    times_decoded.clear()
    assert torch.equal(everything(built(files)), decoded(files))
    assert sorted(times_decoded) == ["2.png", "3.png", "4.png"]
    assert f"{file} is damaged: of 5 images read, 3 differ" in capsys.readouterr().err
    assert file.read_bytes() == content
    assert torch.equal(everything(built(files)), decoded(files))
    assert capsys.readouterr().err == ""


def test_pixels_are_not_mended_from_a_file_that_has_changed(
    files: list[Path], built: Callable[..., ImageCache], tmp_path: Path
) -> None:
    cache = built(files)
    (pixels,) = (tmp_path / "cache").glob("*/images.uint8")
    pixels.write_bytes(bytes(len(pixels.read_bytes())))
    Image.new("RGB", (3, 3), "red").save(files[0])
    with pytest.raises(InputError, match=r"0\.png changed while it was being read"):
        cache.read(torch.tensor([0]))


def _bits_flipped(content: bytes) -> list[bytes]:
    """In each byte one bit."""
    return [
        content[:at] + bytes([content[at] ^ 1 << at % 8]) + content[at + 1 :]
        for at in range(len(content))
    ]


def test_no_changed_bit_of_an_index_is_believed(
    files: list[Path], built: Callable[..., ImageCache], tmp_path: Path
) -> None:
    cache = built(files[:2])
    (path,) = (tmp_path / "cache").glob("*/index.jsonl")
    content = path.read_bytes()
    whole = read_index(path, path.parent.name)
    for damaged in _bits_flipped(content):
        path.write_bytes(damaged)
        with pytest.raises(ValueError, match=r"index|decode"):
            read_index(path, path.parent.name)
        entries, size = read_beginning(path, path.parent.name)
        assert entries == whole[: len(entries)]
        assert content.startswith(damaged[:size])
    path.write_bytes(content.replace(b"[8, 9, ", b"[9, 8, "))
    assert torch.equal(built(files[:2]).sizes, cache.sizes)


def test_lines_of_another_cache_or_place_are_not_believed(
    files: list[Path], built: Callable[..., ImageCache], tmp_path: Path
) -> None:
    expected = built(files[:2]).sizes
    (path,) = (tmp_path / "cache").glob("*/index.jsonl")
    first, second = path.read_text().splitlines(keepends=True)
    path.write_text(second + first)
    assert torch.equal(built(files[:2]).sizes, expected)
    place = path.parent
    built(files[2:4])
    (other,) = {each.parent for each in (tmp_path / "cache").glob("*/index.jsonl")} - {place}
    shutil.rmtree(place)
    other.rename(place)
    cache = built(files[:2])
    assert torch.equal(cache.sizes, expected)
    assert torch.equal(everything(cache), decoded(files[:2]))


def test_what_a_killed_build_has_left_is_compared_too(
    files: list[Path], built: Callable[..., ImageCache], tmp_path: Path
) -> None:
    built(files)
    (name,) = caches(tmp_path / "cache")
    place = (tmp_path / "cache" / name).rename(tmp_path / "cache" / f"{name}.partial")
    lines = (place / "index.jsonl").read_text().splitlines(keepends=True)
    (place / "index.jsonl").write_text("".join(lines[:4]).replace("[8, 15, ", "[8, 16, "))
    with (place / "images.uint8").open("r+b") as pixels:
        pixels.write(bytes(10))
    cache = built(files)
    assert cache.sizes.tolist() == [[8, 9], [8, 12], [8, 15], [8, 18], [8, 21]]
    assert torch.equal(everything(cache), decoded(files))


def _mend(files: list[Path], folder: Path) -> None:
    cache = ImageCache(files, FORMAT, folder)
    cache.build()
    assert torch.equal(everything(cache), decoded(files))


def test_several_processes_mend_one_cache(
    tmp_path: Path, built: Callable[..., ImageCache], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("multitask.images.pixel_file.MOST_KEPT", 1)
    files = image_files(tmp_path / "images", 50)
    built(files)
    (path,) = (tmp_path / "cache").glob("*/images.uint8")
    content = path.read_bytes()
    path.write_bytes(bytes(len(content)))
    arguments = (files, tmp_path / "cache")
    processes = [FORKED.Process(target=_mend, args=arguments) for _ in range(3)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(30)
    assert [process.exitcode for process in processes] == [0, 0, 0]
    assert path.read_bytes() == content


def _fill_slowly(files: list[Path], folder: Path, seconds: float) -> None:
    def slowly(path: Path, format: ImageFormat) -> Any:
        (folder.parent / f"{os.getpid()}.filler").touch()
        time.sleep(seconds)
        return decode(path, format)

    cache_state.decode = slowly
    chunks.CHUNK = 500
    ordered_threads.usable_cores = lambda: 2
    ImageCache(files, FORMAT, folder).build()


def test_a_killed_build_is_gone_on_with_by_the_process_that_waits(
    tmp_path: Path,
    built: Callable[..., ImageCache],
    times_decoded: list[str],
) -> None:
    files = image_files(tmp_path / "images", 200)
    folder = tmp_path / "cache"
    arguments = (files, folder, 0.005)
    processes = [FORKED.Process(target=_fill_slowly, args=arguments) for _ in range(2)]
    for process in processes:
        process.start()
    unfinished = _half_filled(folder, 200)
    (filler,) = tmp_path.glob("*.filler")
    os.kill(int(filler.stem), signal.SIGKILL)
    for process in processes:
        process.join(30)
    assert sorted(process.exitcode or 0 for process in processes) == [-9, 0]
    assert not unfinished.exists()
    cache = built(files)
    assert times_decoded == []
    assert torch.equal(everything(cache), decoded(files))
    assert torch.equal(cache.sizes, built(files, folder=tmp_path / "clean").sizes)
    assert same_bytes(folder, tmp_path / "clean")


def test_a_build_that_is_killed_loses_little(
    tmp_path: Path, built: Callable[..., ImageCache], times_decoded: list[str]
) -> None:
    files = image_files(tmp_path / "images", 200)
    folder = tmp_path / "cache"
    process = FORKED.Process(target=_fill_slowly, args=(files, folder, 0.005))
    process.start()
    unfinished = _half_filled(folder, 200)
    process.kill()
    process.join()
    # As if the kill had come while it wrote.
    with (
        open(unfinished / "images.uint8", "ab") as pixels,
        open(unfinished / "index.jsonl", "a") as index,
    ):
        pixels.write(b"half an image")
        index.write('{"height": 8, "width": 9}')
    built(files)
    assert 50 < len(times_decoded) <= 150
    built(files, folder=tmp_path / "clean")
    assert same_bytes(folder, tmp_path / "clean")


def _half_filled(folder: Path, count: int) -> Path:
    """Wait until a third is there."""
    for _ in range(2000):
        time.sleep(0.005)
        for index in folder.glob("*.partial/index.jsonl"):
            if index.read_bytes().count(b"\n") > count // 3:
                return index.parent
    raise AssertionError("nothing was filled")


def same_bytes(folder: Path, other: Path) -> bool:
    (name,) = caches(folder)
    files = [
        (folder / name / each, other / name / each) for each in ("images.uint8", "index.jsonl")
    ]
    return all(one.read_bytes() == two.read_bytes() for one, two in files)


@pytest.mark.parametrize("lost", ["images.uint8", "index.jsonl"])
def test_what_was_left_without_its_other_half_is_not_used(
    files: list[Path], built: Callable[..., ImageCache], tmp_path: Path, lost: str
) -> None:
    built(files)
    (name,) = caches(tmp_path / "cache")
    place = tmp_path / "cache" / name
    place.rename(place.with_name(f"{name}.partial"))
    os.truncate(place.with_name(f"{name}.partial") / lost, 10)
    assert torch.equal(everything(built(files)), decoded(files))


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EROFS])
@pytest.mark.parametrize("writes", [0, 1, 4, 5])
def test_a_disk_that_fills_up_is_an_input_error_and_loses_nothing(
    files: list[Path],
    built: Callable[..., ImageCache],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    number: int,
    writes: int,
) -> None:
    monkeypatch.setattr(chunks, "CHUNK", 1)
    write, done = cache_build._write, []

    def filling_up(file: Any, parts: list) -> None:
        if len(done) == writes:
            file.write(bytes(parts[0])[:20])
            raise OSError(number, os.strerror(number))
        done.append(parts)
        write(file, parts)

    with monkeypatch.context() as patch:
        patch.setattr(cache_build, "_write", filling_up)
        with pytest.raises(InputError) as info:
            built(files)
    for word in (os.strerror(number), str(tmp_path / "cache"), "MULTITASK_CACHE"):
        assert word in str(info.value)
    again: list[str] = []
    monkeypatch.setattr(
        cache_state,
        "decode",
        lambda path, format: (again.append(path.name), decode(path, format))[1],
    )
    assert torch.equal(everything(built(files)), decoded(files))
    assert len(again) == 5 - writes // 2


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_disk_that_is_really_full(
    files: list[Path], built: Callable[..., ImageCache], monkeypatch: pytest.MonkeyPatch
) -> None:
    full = partial(open, "/dev/full")
    monkeypatch.setattr(cache_build, "open", lambda path, mode: full(mode), raising=False)
    with pytest.raises(InputError, match="No space left on device"):
        built(files)


def test_a_folder_that_cannot_be_is_an_input_error(
    files: list[Path], built: Callable[..., ImageCache], tmp_path: Path
) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match="File exists.*MULTITASK_CACHE"):
        built(files, folder=tmp_path / "file")


def test_a_cache_above_its_limit_is_refused(
    files: list[Path], built: Callable[..., ImageCache], tmp_path: Path, times_decoded: list[str]
) -> None:
    with pytest.raises(InputError) as info:
        built(files, limit_gigabytes=3e-7)
    for word in ("5 images", "3.6e-07 GB", "3e-07 GB", "cache_limit", str(tmp_path / "cache")):
        assert word in str(info.value)
    assert times_decoded == []
    built(files, limit_gigabytes=3.6e-7)
    # It is there now.
    built(files, limit_gigabytes=0)


def test_a_disk_without_room_is_refused_before_it_is_full(
    files: list[Path], built: Callable[..., ImageCache], monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = type("usage", (), {"free": 359})
    monkeypatch.setattr(cache_build.shutil, "disk_usage", lambda folder: usage)
    with pytest.raises(InputError, match="has 3.59e-07 GB free.*MULTITASK_CACHE"):
        built(files)
    usage.free = 360
    built(files)


def test_a_file_that_changes_meanwhile_is_an_input_error(
    files: list[Path], built: Callable[..., ImageCache], monkeypatch: pytest.MonkeyPatch
) -> None:
    def changing(path: Path, format: ImageFormat) -> Any:
        if path == files[2]:
            path.write_bytes(path.read_bytes() + b" ")
        return decode(path, format)

    monkeypatch.setattr(cache_state, "decode", changing)
    with pytest.raises(InputError, match=r"2\.png changed while it was being read"):
        built(files)


def test_a_complete_cache_needs_no_writing(
    files: list[Path], built: Callable[..., ImageCache], monkeypatch: pytest.MonkeyPatch
) -> None:
    built(files)

    def refused(*arguments: Any, **options: Any) -> None:
        raise OSError(errno.EROFS, "Read-only file system")

    monkeypatch.setattr("multitask.images.file_lock.fcntl.flock", refused)
    monkeypatch.setattr(Path, "mkdir", refused)
    monkeypatch.setattr("tempfile.NamedTemporaryFile", refused)
    assert torch.equal(everything(built(files)), decoded(files))


def test_oddities_of_usable_files_are_not_told(
    tmp_path: Path, built: Callable[..., ImageCache]
) -> None:
    path = tmp_path / "x.jpg"
    Image.new("RGB", (3, 3)).save(path, exif=b"Exif\0\0II*\0\x08\0\0\0\xff\xff\0\0")
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        assert built([path]).problems == {}
    assert told == []


def test_long_work_tells_how_far_it_is(
    files: list[Path],
    built: Callable[..., ImageCache],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    built(files)
    assert capsys.readouterr().err == ""
    monkeypatch.setattr("multitask.images.progress_line.SECONDS", 0.0)
    monkeypatch.setattr(chunks, "CHUNK", 1)
    built(files, ImageFormat(2, 2))
    assert "image cache: decoded 3 of 5 images, 0 s to go\n" in capsys.readouterr().err


def test_where_caches_lie(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MULTITASK_CACHE", "/scratch/cache")
    assert default_folder() == Path("/scratch/cache")
    monkeypatch.delenv("MULTITASK_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", "/caches")
    assert default_folder() == Path("/caches/multitask")
    monkeypatch.delenv("XDG_CACHE_HOME")
    assert default_folder() == Path.home() / ".cache" / "multitask"


def test_a_split_is_some_rows_of_the_cache(
    files: list[Path], built: Callable[..., ImageCache]
) -> None:
    targets = {"kind": torch.tensor([7, 8, 9])}
    split = CachedImages(built(files), torch.tensor([4, 0, 2]), targets)
    assert len(split) == 3
    batch = split[torch.tensor([1, 2])]
    assert torch.equal(batch["image"], decoded([files[0], files[2]]))
    assert batch["kind"].tolist() == [8, 9]


@pytest.mark.parametrize("num_workers", [0, 2])
def test_loading_processes_read_the_same(
    files: list[Path], built: Callable[..., ImageCache], num_workers: int
) -> None:
    split = CachedImages(built(files), torch.arange(5), {})
    split[torch.tensor([0])]
    loader = BatchLoader(split, GlobalBatches(5, 2, 0, shuffle=False), num_workers)
    images = torch.cat([batch["image"] for batch in loader])
    assert torch.equal(images, decoded(files))


def test_it_can_be_sent_to_another_process(
    files: list[Path], built: Callable[..., ImageCache]
) -> None:
    split = CachedImages(built(files), torch.arange(5), {})
    expected = split.images(torch.arange(5))
    sent = pickle.dumps(split)
    assert len(sent) < 4000
    assert torch.equal(pickle.loads(sent).images(torch.arange(5)), expected)


@pytest.mark.parametrize("limit", [-1.0, float("nan")])
def test_a_limit_that_makes_no_sense(files: list[Path], limit: float) -> None:
    with pytest.raises(InputError, match="cache_limit is .*0 or more"):
        ImageCache(files, FORMAT, limit_gigabytes=limit)


def test_a_folder_may_be_written_as_people_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/homes/ada")
    assert ImageCache([], FORMAT, "~/cache").folder == Path("/homes/ada/cache")


@pytest.mark.parametrize("is_there", [True, False])
def test_a_cache_that_was_moved_and_linked_is_filled_anew_if_damaged(
    files: list[Path], built: Callable[..., ImageCache], tmp_path: Path, is_there: bool
) -> None:
    built(files)
    (name,) = caches(tmp_path / "cache")
    place, elsewhere = tmp_path / "cache" / name, tmp_path / "elsewhere"
    place.rename(elsewhere)
    place.symlink_to(elsewhere)
    assert torch.equal(everything(built(files)), decoded(files))
    assert place.is_symlink()
    if is_there:
        (elsewhere / "index.jsonl").write_text("damaged")
    else:
        shutil.rmtree(elsewhere)
    assert torch.equal(everything(built(files)), decoded(files))
    assert not place.is_symlink()
    # Only the link was the cache's own.
    assert elsewhere.exists() == is_there


@pytest.mark.parametrize("ending", ["", ".partial"])
def test_a_file_where_a_cache_should_be_is_named_and_kept(
    files: list[Path], built: Callable[..., ImageCache], tmp_path: Path, ending: str
) -> None:
    built(files)
    (name,) = caches(tmp_path / "cache")
    shutil.rmtree(tmp_path / "cache" / name)
    other = tmp_path / "cache" / f"{name}{ending}"
    other.write_text("mine")
    with pytest.raises(InputError, match=f"{other}\\).*MULTITASK_CACHE"):
        built(files)
    assert other.read_text() == "mine"


def test_pixels_that_may_not_be_read_are_to_be_deleted(
    files: list[Path], built: Callable[..., ImageCache], monkeypatch: pytest.MonkeyPatch
) -> None:
    cache = built(files)

    def refused(*_: Any) -> None:
        raise PermissionError(errno.EACCES, "Permission denied")

    place = cache.images.path.parent
    with monkeypatch.context() as patch:
        patch.setattr("multitask.images.pixel_file.os.open", refused)
        with pytest.raises(InputError, match=f"delete {place}, and the next start fills"):
            everything(cache)


def test_a_cache_of_a_user_without_a_home_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    def homeless() -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(Path, "home", homeless)
    monkeypatch.delenv("MULTITASK_CACHE")
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    with pytest.raises(InputError, match="no home folder .*MULTITASK_CACHE"):
        default_folder()


def test_a_process_that_waits_for_digests_says_so(
    files: list[Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    digest_files(files, tmp_path)
    (lock,) = tmp_path.glob("digests/*.lock")
    shutil.rmtree(lock.parent)
    lock.parent.mkdir()
    said, deadline = "", time.monotonic() + 30
    with exclusive(lock):
        waiting = Thread(target=digest_files, args=(files, tmp_path), daemon=True)
        waiting.start()
        while "waiting for another process" not in said:
            assert time.monotonic() < deadline
            time.sleep(0.01)
            said += capsys.readouterr().err
    waiting.join(30)
    assert str(lock) in said
