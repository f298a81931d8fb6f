"""Which images are cached: where, whether all of them, and which a killed build has left."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from math import prod
from pathlib import Path
from typing import Any

import numpy as np

from multitask.images.decoding import decode
from multitask.images.digest import FileDigests
from multitask.images.format import ImageFormat, Size
from multitask.images.index import Entry, read_beginning, read_index
from multitask.images.progress_line import tell

VERSION = 3
"""Of how images are decoded and stored; another one makes new caches."""
PIXELS, INDEX = "images.uint8", "index.jsonl"


def default_folder() -> Path:
    """Where caches lie: ``$MULTITASK_CACHE``, or ``multitask`` in the user's folder for caches."""
    if folder := os.environ.get("MULTITASK_CACHE"):
        return Path(folder).expanduser()
    caches = os.environ.get("XDG_CACHE_HOME")
    return (Path(caches) if caches else Path.home() / ".cache") / "multitask"


@dataclass(frozen=True)
class Order:
    """The images that a cache holds.

    Args:
        folder: where caches lie.
        files: all images, in order.
        digests: of the files.
        format: of the images.
        limit_gigabytes: larger caches are refused.
    """

    folder: Path
    files: Sequence[Path | str]
    digests: FileDigests
    format: ImageFormat
    limit_gigabytes: float

    @cached_property
    def place(self) -> Path:
        """The cache's own folder, which is there once it is complete.

        Other contents, another order of the files or another format have another place.
        """
        settings = json.dumps({"version": VERSION, **self.settings}, sort_keys=True)
        key = hashlib.sha256("\n".join([settings, *self.digests.values]).encode()).hexdigest()
        return self.folder.absolute() / key[:32]

    @property
    def image_bytes(self) -> int:
        """Size of one image."""
        return prod(self.shape)

    @property
    def shape(self) -> tuple[int, int, int]:
        """``(channels, height, width)`` of one image, in bytes."""
        return self.format.shape

    @property
    def items(self) -> str:
        """What the cache holds, in a word for people."""
        return "images"

    @property
    def settings(self) -> dict[str, Any]:
        """What decides, beside the files' content, what the cache holds; as JSON can hold it."""
        return asdict(self.format)

    def decode(self, place: int) -> tuple[np.ndarray, Size]:
        """Read a file, see `multitask.images.decoding.decode`.

        Args:
            place: of the file.
        """
        return decode(Path(self.files[place]), self.format)

    @property
    def partial(self) -> Path:
        """The folder while it is not complete."""
        return self.place.with_name(self.place.name + ".partial")


def complete(order: Order, tell_damage: bool = False) -> list[Entry] | None:
    """The entries of all images if the cache is complete, else None.

    Args:
        order: what the cache holds.
        tell_damage: print a line if there is a cache, but it is damaged.
    """
    if not order.place.exists():
        return None
    damage = "its images have another size than they should"
    try:
        entries = read_index(order.place / INDEX, order.place.name)
        size = (order.place / PIXELS).stat().st_size
        if len(entries) == len(order.files) == size / order.image_bytes:
            return entries
    except (OSError, ValueError) as error:
        damage = str(error)
    if tell_damage:
        tell(f"image cache: {order.place} is damaged ({damage}) and is filled again")
    return None


def left_by_killed_build(order: Order) -> list[Entry]:
    """Keep what a killed build has left: whole images with an entry, and nothing after them.

    Args:
        order: what the cache holds; its partial folder is made if it is not there.

    Returns:
        The entries that are there already, of the first files.
    """
    order.partial.mkdir(exist_ok=True)
    pixels, index = order.partial / PIXELS, order.partial / INDEX
    pixels.touch()
    index.touch()
    entries, size = read_beginning(index, order.place.name)
    if pixels.stat().st_size < len(entries) * order.image_bytes or len(entries) > len(order.files):
        entries, size = [], 0
    os.truncate(index, size)
    os.truncate(pixels, len(entries) * order.image_bytes)
    return entries
