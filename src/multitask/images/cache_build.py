"""Filling the image cache: once, whatever happens on the way."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from multitask.distributed import is_first_process
from multitask.errors import InputError
from multitask.images.cache_order import Order
from multitask.images.chunks import decoded_chunks, silent_pillow
from multitask.images.file_lock import exclusive
from multitask.images.index import Entry, read_beginning, read_index
from multitask.images.progress_line import Progress, tell

PIXELS, INDEX = "images.uint8", "index.jsonl"
GIGABYTE = 10**9


def find_or_build(order: Order) -> list[Entry]:
    """Entries of all files, once the cache is complete.

    Raises:
        InputError: if the cache would be too large or cannot be written, or a file changes.
    """
    entries = _found(order)
    if entries is not None:
        return entries
    with _explained(order):
        order.place.parent.mkdir(parents=True, exist_ok=True)
        lock = order.place.with_name(order.place.name + ".lock")
        with exclusive(lock, waiting=lambda: _tell_waiting(order)):
            # Another process may have built it meanwhile.
            entries = _found(order, tell_damage=True)
            return _built(order) if entries is None else entries


def _tell_waiting(order: Order) -> None:
    if is_first_process():
        tell(f"image cache: waiting for another process that fills {order.place}")


def _found(order: Order, tell_damage: bool = False) -> list[Entry] | None:
    if not order.place.exists():
        return None
    damage = "its images have another size than they should"
    try:
        entries = read_index(order.place / INDEX)
        size = (order.place / PIXELS).stat().st_size
        if len(entries) == len(order.files) == size / order.image_bytes:
            return entries
    except (OSError, ValueError) as error:
        damage = str(error)
    if tell_damage:
        tell(f"image cache: {order.place} is damaged ({damage}) and is filled anew")
    return None


def _built(order: Order) -> list[Entry]:
    if order.place.exists():
        shutil.rmtree(order.place)
    entries = _kept(order)
    _check_size(order, len(entries))
    with (
        open(order.partial / PIXELS, "ab") as pixels,
        open(order.partial / INDEX, "ab") as index,
        silent_pillow(),
    ):
        progress = Progress("image cache: decoded", len(entries), len(order.files))
        for images, added in decoded_chunks(order, len(entries)):
            # In this order, so that an image is there once its entry is.
            _write(pixels, [image.data for image in images])
            _write(index, [entry.line().encode() for entry in added])
            entries += added
            progress.step(len(added))
    os.rename(order.partial, order.place)
    _sync_folder(order.place.parent)
    return entries


def _kept(order: Order) -> list[Entry]:
    """What a killed build has left: whole images with an entry, and nothing after them."""
    order.partial.mkdir(exist_ok=True)
    pixels, index = order.partial / PIXELS, order.partial / INDEX
    pixels.touch()
    index.touch()
    entries, size = read_beginning(index)
    if pixels.stat().st_size < len(entries) * order.image_bytes or len(entries) > len(order.files):
        entries, size = [], 0
    os.truncate(index, size)
    os.truncate(pixels, len(entries) * order.image_bytes)
    return entries


def _check_size(order: Order, done: int) -> None:
    size = len(order.files) * order.image_bytes
    free = shutil.disk_usage(order.partial).free
    missing = size - done * order.image_bytes
    needs = f"the image cache of {len(order.files)} images needs {_gigabytes(size)}"
    if size > order.limit_gigabytes * GIGABYTE:
        raise InputError(
            f"{needs} in {order.place.parent}, and cache_limit is {order.limit_gigabytes:g} GB; "
            "choose a smaller image size, or a larger cache_limit"
        )
    if missing > free:
        raise InputError(
            f"{needs}, but the disk of {order.place.parent} has {_gigabytes(free)} left; choose a "
            "smaller image size, or a folder on a larger disk by cache_folder or MULTITASK_CACHE"
        )


def _gigabytes(size: int) -> str:
    return f"{size / GIGABYTE:.3g} GB"


def _write(file: BinaryIO, parts: Sequence[memoryview] | Sequence[bytes]) -> None:
    file.writelines(parts)
    file.flush()
    os.fsync(file.fileno())


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def _explained(order: Order) -> Iterator[None]:
    """Whatever the system refuses while the cache is written concerns its folder."""
    try:
        yield
    except OSError as error:
        raise InputError(
            f"the image cache cannot be written to {order.place.parent} ({error.strerror}); what "
            "is there is kept, so make room or choose another folder by cache_folder or "
            "MULTITASK_CACHE"
        ) from error
