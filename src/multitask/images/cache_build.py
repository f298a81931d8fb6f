"""Filling the image cache exactly once, even if a build is interrupted."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import BinaryIO

from multitask.checkpoints.atomic_writing import move_into_place
from multitask.distributed import is_first_process
from multitask.errors import FULL, InputError
from multitask.images.cache_state import INDEX, PIXELS, Order, complete, left_by_killed_build
from multitask.images.chunks import decoded_chunks, silent_pillow
from multitask.images.file_lock import exclusive
from multitask.images.index import Entry
from multitask.images.progress_line import Progress, tell

GIGABYTE = 10**9


def find_or_build(order: Order) -> list[Entry]:
    """Return the entries of all files, after completing the cache if necessary.

    Raises:
        InputError: if the cache would be too large or cannot be written, or a file changes.
    """
    with _explained(order):
        entries = complete(order)
        if entries is not None:
            return entries
        order.place.parent.mkdir(parents=True, exist_ok=True)
        lock = order.place.with_name(order.place.name + ".lock")
        with exclusive(lock, waiting=lambda: _tell_waiting(order)):
            # Another process may have built it in the meantime.
            entries = complete(order, tell_damage=True)
            return _built(order) if entries is None else entries


def _tell_waiting(order: Order) -> None:
    if is_first_process():
        tell(f"image cache: waiting for another process that is filling {order.place}")


def _built(order: Order) -> list[Entry]:
    if order.place.is_symlink():
        # Someone has moved this cache to another disk: the images there are not ours to delete.
        order.place.unlink()
    elif order.place.exists():
        shutil.rmtree(order.place)
    entries = left_by_killed_build(order)
    _check_size(order, len(entries))
    with (
        open(order.partial / PIXELS, "ab") as pixels,
        open(order.partial / INDEX, "ab") as index,
        silent_pillow(),
    ):
        progress = Progress("image cache: decoded", len(entries), len(order.files), order.items)
        for images, added in decoded_chunks(order, len(entries)):
            # Pixels first, so that an image exists if its entry does.
            _write(pixels, [image.data for image in images])
            places = enumerate(added, len(entries))
            _write(index, [entry.line(order.place.name, at) for at, entry in places])
            entries += added
            progress.step(len(added))
    move_into_place(order.partial, order.place)
    return entries


def _check_size(order: Order, done: int) -> None:
    size = len(order.files) * order.image_bytes
    free = shutil.disk_usage(order.partial).free
    missing = size - done * order.image_bytes
    needs = f"the image cache of {len(order.files)} {order.items} needs {_gigabytes(size)}"
    if size > order.limit_gigabytes * GIGABYTE:
        raise InputError(
            f"{needs} in {order.place.parent}, and cache_limit is {order.limit_gigabytes:g} GB; "
            "choose a smaller image size, or a larger cache_limit"
        )
    if missing > free:
        raise InputError(
            f"{needs}, but the disk of {order.place.parent} has {_gigabytes(free)} free; choose a "
            "smaller image size, or a folder on a larger disk with cache_folder or MULTITASK_CACHE"
        )


def _gigabytes(size: int) -> str:
    return f"{size / GIGABYTE:.3g} GB"


def _write(file: BinaryIO, parts: Sequence[memoryview] | Sequence[bytes]) -> None:
    file.writelines(parts)
    file.flush()
    os.fsync(file.fileno())


@contextmanager
def _explained(order: Order) -> Iterator[None]:
    """Attribute system errors while the cache is written to its folder."""
    try:
        yield
    except OSError as error:
        what = error.filename if isinstance(error.filename, str) else order.place
        room = "finished images are kept, so free space or " if error.errno in FULL else ""
        raise InputError(
            f"the image cache cannot be written to {order.place.parent} "
            f"({error.strerror}: {what}); {room}choose another folder with cache_folder or "
            "MULTITASK_CACHE"
        ) from error
