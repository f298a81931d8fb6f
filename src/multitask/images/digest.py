"""Digests of image files, which are stored for later runs."""

from __future__ import annotations

import errno
import hashlib
import json
import logging
import os
import stat
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path

from multitask.distributed import is_first_process
from multitask.images.decoding import UnusableImage
from multitask.images.file_lock import exclusive
from multitask.images.ordered_threads import in_order
from multitask.images.progress_line import Progress, tell
from multitask.images.sealed_lines import is_sealed, sealed

LOG = logging.getLogger("multitask")
Stamp = str
"""Size, times of the last change of the content and of the file in ns, and inode.

As text, which needs half the memory of a tuple of numbers.
"""
Known = dict[str, tuple[Stamp, str]]
"""Stamps and digests of files, by path."""
RECENT = 2.0
"""Seconds within which some file systems assign two changes the same time."""
AHEAD = 64
MEMORY = 0
"""Place number of all lines that store digests."""
PIECE = 2**18
"""Number of bytes to read at once."""


@dataclass
class FileDigests:
    """Digests of files, in order.

    Args:
        values: SHA-256 of each file's content, in hexadecimal; a unique text if the file cannot be
            read.
        stamps: stamp of each file before it was read; None if it is not available.
        problems: why a file cannot be read, by index.
    """

    values: list[str] = field(default_factory=list)
    stamps: list[Stamp | None] = field(default_factory=list)
    problems: dict[int, UnusableImage] = field(default_factory=dict)


def digest_files(files: Sequence[Path | str], folder: Path) -> FileDigests:
    """Compute digests of files, reading only those that have changed since the last time.

    As in git, a file counts as unchanged if its path, size, times and inode are unchanged.

    Args:
        files: in any order.
        folder: folder that stores the digests; if it is not writable, they are not stored.
    """
    here = os.getcwd()
    paths = [os.path.join(here, file) for file in files]
    result = FileDigests()
    for place, path in enumerate(paths):
        try:
            result.stamps.append(file_stamp(path))
        except OSError as error:
            result.stamps.append(None)
            result.problems[place] = _unreadable(error)
    memory = _memory_file(paths, folder)
    known = _remembered(memory)
    result.values = [_known(known, path, at) for path, at in zip(paths, result.stamps, strict=True)]
    if not all(result.values):
        # One process reads the files; the others wait and find the digests.
        with ExitStack() as locked:
            with suppress(OSError):
                memory.parent.mkdir(parents=True, exist_ok=True)
                lock = memory.with_suffix(".lock")
                locked.enter_context(exclusive(lock, waiting=lambda: _tell_waiting(lock)))
            _complete(result, paths, memory)
    return result


def _tell_waiting(lock: Path) -> None:
    if is_first_process():
        what = "waiting for another process, which is reading the images"
        tell(f"image cache: {what} and has locked {lock}")


def file_stamp(path: str | Path) -> Stamp:
    """Return data that reveal a change of a file without reading it.

    Raises:
        OSError: if there is no such file.
    """
    at = os.stat(path)
    if not stat.S_ISREG(at.st_mode):
        raise OSError(errno.EINVAL, "not a file")
    return f"{at.st_size} {at.st_mtime_ns} {at.st_ctime_ns} {at.st_ino}"


def _last_change(at: Stamp) -> int:
    return int(at.split()[2])


def _unreadable(error: OSError) -> UnusableImage:
    return UnusableImage("unreadable_image", (error.strerror or str(error)).lower())


def _memory_file(paths: list[str], folder: Path) -> Path:
    """Return the digest file for all files below their common folder."""
    folders = {os.path.dirname(path) for path in paths}
    common = os.path.commonpath(folders) if folders else ""
    name = hashlib.sha256(os.fsencode(common)).hexdigest()[:32]
    return folder / "digests" / f"{name}.jsonl"


def _known(known: Known, path: str, at: Stamp | None) -> str:
    if at is None:
        return f"unreadable {path}"
    stamp, digest = known.get(path, ("", ""))
    return digest if stamp == at else ""


def _complete(result: FileDigests, paths: list[str], memory: Path) -> None:
    known = _remembered(memory)
    unknown = [place for place, value in enumerate(result.values) if not value]
    for place in unknown:
        result.values[place] = _known(known, paths[place], result.stamps[place])
    unknown = [place for place in unknown if not result.values[place]]
    progress = Progress("image cache: read", 0, len(unknown))
    digests = in_order(_digest, (paths[place] for place in unknown), AHEAD)
    for place, digest in zip(unknown, digests, strict=True):
        if isinstance(digest, UnusableImage):
            result.problems[place], digest = digest, f"unreadable {paths[place]}"
        result.values[place] = digest
        progress.step()
    before = (time.time() - RECENT) * 1e9
    for place in unknown:
        at = result.stamps[place]
        # A change within the same tick of the clock could not be detected later.
        if place not in result.problems and at is not None and _last_change(at) < before:
            known[paths[place]] = at, result.values[place]
    _remember(known, memory)


def _digest(path: str) -> str | UnusableImage:
    try:
        digest = hashlib.sha256()
        with open(path, "rb", buffering=0) as file:
            while piece := file.read(PIECE):
                digest.update(piece)
        return digest.hexdigest()
    except OSError as error:
        return _unreadable(error)


def _remembered(memory: Path) -> Known:
    known: Known = {}
    # Regardless of the error, the files can be read again.
    with (
        suppress(OSError, ValueError, TypeError),
        memory.open("rb") as lines,
    ):
        for line in lines:
            if is_sealed(line[:-1], MEMORY):
                path, stamp, digest, _ = json.loads(line)
                known[path] = stamp, digest
    return known


def _remember(known: Known, memory: Path) -> None:
    try:
        with tempfile.NamedTemporaryFile(dir=memory.parent, delete=False) as file:
            try:
                # Line by line, because a single text would double the memory.
                file.writelines(sealed([path, *each], MEMORY) for path, each in known.items())
                file.close()
                os.replace(file.name, memory)
            except BaseException:
                os.unlink(file.name)
                raise
    except OSError as error:
        LOG.info("digests of the images cannot be stored: %s", error)
