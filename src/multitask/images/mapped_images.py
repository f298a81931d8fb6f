"""Images of one size in a file, read without keeping them in memory."""

from __future__ import annotations

import mmap
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

MOST_RESIDENT = 128 * 2**20
"""Bytes of the file that may count as this process's memory."""
LARGEST_FAULT = 2 * 2**20
"""Bytes that the system may map around a place that is read (Linux: a whole large folio)."""


class MappedImages:
    """Images that lie in a file one after the other; it can be handed to other processes.

    Args:
        path: the file, ``images * channels * height * width`` bytes.
        images: how many there are.
        shape: ``(channels, height, width)``.
    """

    def __init__(self, path: Path, images: int, shape: tuple[int, int, int]) -> None:
        self.path, self.images, self.shape = path, images, shape
        self._map: mmap.mmap | None = None
        self._pixels = np.empty((0, *shape), np.uint8)

    def __getstate__(self) -> dict[str, Any]:
        return {"path": self.path, "images": self.images, "shape": self.shape}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__init__(**state)  # type: ignore[misc]

    def __len__(self) -> int:
        return self.images

    def read(self, rows: Tensor) -> Tensor:
        """Copy images out of the file.

        Args:
            rows: places of images, ``[batch]``, int64.

        Returns:
            Shape ``[batch, channels, height, width]``, uint8.

        Raises:
            IndexError: if there is no such image.
        """
        if self._map is None and self.images:
            self._open()
        places = rows.numpy()
        if len(rows) and not 0 <= places.min() <= places.max() < self.images:
            raise IndexError(f"there are {self.images} images, with places from 0")
        images = np.empty((len(rows), *self.shape), np.uint8)
        for start in range(0, len(rows), self._at_once):
            part = slice(start, start + self._at_once)
            # Many times faster than indexing a tensor of bytes; without `clip` it copies twice.
            np.take(self._pixels, places[part], axis=0, out=images[part], mode="clip")
            self._give_back()
        return torch.from_numpy(images)

    @property
    def _at_once(self) -> int:
        """Images to read before memory is given back."""
        return max(1, MOST_RESIDENT // (prod(self.shape) + LARGEST_FAULT))

    def _open(self) -> None:
        with self.path.open("rb") as file:
            self._map = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        self._pixels = np.frombuffer(self._map, np.uint8).reshape(self.images, *self.shape)

    def _give_back(self) -> None:
        """Let go of what was mapped, unless the file is small; the system still has it at hand."""
        if self._map is None or len(self._map) <= MOST_RESIDENT:
            return
        if hasattr(mmap, "MADV_DONTNEED"):
            self._map.madvise(mmap.MADV_DONTNEED)
