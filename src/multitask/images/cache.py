"""A cache of decoded and resized images, which are then read from one file."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from multitask.configuration.home_folders import home_expanded
from multitask.errors import InputError
from multitask.images.cache_build import find_or_build
from multitask.images.cache_state import PIXELS, Order, default_folder
from multitask.images.chunks import decoded_image
from multitask.images.decoding import UnusableImage
from multitask.images.digest import FileDigests, digest_files
from multitask.images.format import ImageFormat
from multitask.images.pixel_file import PixelFile


class ImageCache:
    """Image files as pixels of one size, stored on disk.

    A cache is identified by the content of the files, their order and the format. A change of any
    of these creates another cache; a new modification time or path of a file does not.

    Args:
        files: the image files.
        format: the format that they are converted to.
        folder: folder of all caches; see `default_folder`.
        limit_gigabytes: largest size; larger caches are refused. A gigabyte is 10^9 bytes.

    Raises:
        InputError: if the limit is negative.
    """

    problems: dict[int, UnusableImage]
    """Why a file cannot be decoded, by its index in ``files``; its pixels are all 0."""
    sizes: Tensor
    """Height and width of the upright images before resizing, ``[files, 2]``, int64."""
    digests: list[str]
    """A digest of each file's content."""
    images: PixelFile
    """The pixels."""

    def __init__(
        self,
        files: Sequence[Path | str],
        format: ImageFormat,
        folder: Path | str | None = None,
        limit_gigabytes: float = 100.0,
    ) -> None:
        if not limit_gigabytes >= 0:
            raise InputError(f"cache_limit is {limit_gigabytes:g}; give gigabytes, 0 or more")
        self.files, self.format = files, format
        self.folder = default_folder() if folder is None else home_expanded(folder)
        self.limit_gigabytes = limit_gigabytes

    def build(self) -> None:
        """Find the cache, or fill it; only one process does so, and the others wait.

        Raises:
            InputError: if it would be too large or cannot be written, or a file changes in the
                meantime.
        """
        digests = digest_files(self.files, self.folder)
        order = self._order(digests)
        entries = find_or_build(order)
        heights, widths = [entry.height for entry in entries], [entry.width for entry in entries]
        self.digests = digests.values
        self.sizes = torch.tensor([heights, widths], dtype=torch.int64).T.contiguous()
        self.problems = {
            place: entry.problem for place, entry in enumerate(entries) if entry.problem
        }
        checksums = np.array([entry.checksum for entry in entries], np.int64)
        self.images = PixelFile(
            order.place / PIXELS, order.shape, checksums, partial(_decoded, order)
        )

    def read(self, rows: Tensor) -> Tensor:
        """Read images after the cache has been built.

        Args:
            rows: indices in ``files``, ``[batch]``, int64.

        Returns:
            Shape ``[batch, channels, height, width]``, uint8.
        """
        return self.images.read(rows)

    def _order(self, digests: FileDigests) -> Order:
        return Order(self.folder, self.files, digests, self.format, self.limit_gigabytes)


def _decoded(order: Order, place: int) -> np.ndarray:
    return decoded_image(order, place)[0]
