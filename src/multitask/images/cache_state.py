"""The state of an image cache: location, completeness, and remains of an interrupted build."""

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

from multitask.configuration.home_folders import home_expanded
from multitask.errors import InputError
from multitask.images.decoding import decode
from multitask.images.digest import FileDigests
from multitask.images.format import ImageFormat, Size
from multitask.images.index import Entry, read_beginning, read_index
from multitask.images.progress_line import tell

VERSION = 3
"""Version of decoding and storage; a new version creates new caches."""
PIXELS, INDEX = "images.uint8", "index.jsonl"


def default_folder() -> Path:
    """Return the folder of caches: ``$MULTITASK_CACHE``, or ``multitask`` in the user's caches.

    Raises:
        InputError: if the user has no home folder.
    """
    if folder := os.environ.get("MULTITASK_CACHE"):
        return home_expanded(folder)
    if caches := os.environ.get("XDG_CACHE_HOME"):
        return Path(caches) / "multitask"
    try:
        return Path.home() / ".cache" / "multitask"
    except RuntimeError as error:
        # As of a user whom only the start of a container has made up.
        raise InputError(
            "this user has no home folder for the image cache; set cache_folder or MULTITASK_CACHE "
            "to a folder"
        ) from error


@dataclass(frozen=True)
class Order:
    """The images that a cache contains.

    Args:
        folder: folder of all caches.
        files: all images, in order.
        digests: digests of the files.
        format: format of the images.
        limit_gigabytes: largest size; larger caches are refused.
    """

    folder: Path
    files: Sequence[Path | str]
    digests: FileDigests
    format: ImageFormat
    limit_gigabytes: float

    @cached_property
    def place(self) -> Path:
        """The folder of this cache, which exists only if it is complete.

        Other contents, another order of the files or another format have another folder.
        """
        settings = json.dumps({"version": VERSION, **self.settings}, sort_keys=True)
        key = hashlib.sha256("\n".join([settings, *self.digests.values]).encode()).hexdigest()
        return self.folder.absolute() / key[:32]

    @property
    def image_bytes(self) -> int:
        """Size of one image in bytes."""
        return prod(self.shape)

    @property
    def shape(self) -> tuple[int, int, int]:
        """``(channels, height, width)`` of one stored image."""
        return self.format.shape

    @property
    def items(self) -> str:
        """What the cache contains, in a word for messages."""
        return "images"

    @property
    def settings(self) -> dict[str, Any]:
        """What determines the cache's content besides the files, as values for JSON."""
        return asdict(self.format)

    def decode(self, place: int) -> tuple[np.ndarray, Size]:
        """Decode a file, see `multitask.images.decoding.decode`.

        Args:
            place: index of the file.
        """
        return decode(Path(self.files[place]), self.format)

    @property
    def partial(self) -> Path:
        """The folder while the cache is incomplete."""
        return self.place.with_name(self.place.name + ".partial")


def complete(order: Order, tell_damage: bool = False) -> list[Entry] | None:
    """Return the entries of all images if the cache is complete, otherwise None.

    Args:
        order: the images of the cache.
        tell_damage: whether to print a line if a cache exists but is damaged.
    """
    if not order.place.exists():
        return None
    damage = "its images do not have the expected size"
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
    """Keep the complete images of an interrupted build that have an entry, and nothing after them.

    Args:
        order: the images of the cache; its partial folder is created if necessary.

    Returns:
        The existing entries, for the first files.
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
