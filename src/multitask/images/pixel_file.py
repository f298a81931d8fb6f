"""Images of one size in a file, read without keeping a large file in memory."""

from __future__ import annotations

import mmap
import os
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from multitask.errors import InputError

MOST_MAPPED = 160 * 2**20
"""Bytes of a file that may count as this process's memory, which the system can take back."""


class PixelFile:
    """Images that lie in a file one after the other; it can be handed to other processes.

    A small file is mapped into memory, which makes reading it as fast as copying. What is read of
    a mapped file counts as the process's memory from then on, so of a larger one images are read
    into the batch alone.

    Args:
        path: the file, ``images * channels * height * width`` bytes.
        images: how many there are.
        shape: ``(channels, height, width)``.
    """

    def __init__(self, path: Path, images: int, shape: tuple[int, int, int]) -> None:
        self.path, self.images, self.shape = path, images, shape
        self._file: int | None = None
        self._mapped: np.ndarray | None = None

    def __getstate__(self) -> dict[str, Any]:
        return {"path": self.path, "images": self.images, "shape": self.shape}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__init__(**state)  # type: ignore[misc]

    def __del__(self) -> None:
        if self._file is not None:
            os.close(self._file)

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
            InputError: if the file is not there any more, or has been cut off.
        """
        places = rows.numpy()
        if len(rows) and not 0 <= places.min() <= places.max() < self.images:
            raise IndexError(f"there are {self.images} images, with places from 0")
        pixels = np.empty((len(rows), *self.shape), np.uint8)
        if len(rows):
            if self._file is None:
                self._open()
            if self._mapped is None:
                self._read(places, pixels)
            else:
                # Many times faster than indexing a tensor of bytes; without `clip` it copies twice.
                np.take(self._mapped, places, axis=0, out=pixels, mode="clip")
        return torch.from_numpy(pixels)

    def _open(self) -> None:
        try:
            self._file = os.open(self.path, os.O_RDONLY)
        except OSError as error:
            raise InputError(
                f"{self.path} cannot be read any more ({error.strerror}); the next start fills the "
                "image cache again"
            ) from error
        if self.images * prod(self.shape) <= MOST_MAPPED:
            content = mmap.mmap(self._file, 0, access=mmap.ACCESS_READ)
            self._mapped = np.frombuffer(content, np.uint8).reshape(self.images, *self.shape)

    def _read(self, places: np.ndarray, pixels: np.ndarray) -> None:
        assert self._file is not None
        size = prod(self.shape)
        batch = pixels.data.cast("B")
        for number, start in enumerate((places * size).tolist()):
            image = batch[number * size : (number + 1) * size]
            if not _read_into(self._file, image, start):
                raise InputError(
                    f"{self.path} ends too early; delete {self.path.parent}, which the next start "
                    "fills again"
                )


def _read_into(file: int, image: memoryview, start: int) -> bool:
    """Fill an image; false where the file ends before."""
    # By place in the file, not from where the last reading ended: processes share that.
    done = 0
    while done < len(image):
        if hasattr(os, "preadv"):
            count = os.preadv(file, [image[done:]], start + done)
        else:
            content = os.pread(file, len(image) - done, start + done)
            count = len(content)
            image[done : done + count] = content
        if not count:
            return False
        done += count
    return True
