"""Images of one size in a file, each of which is verified by its checksum before use."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from math import prod
from pathlib import Path
from typing import Any
from zlib import crc32

import numpy as np
import torch
from torch import Tensor

from multitask.errors import InputError
from multitask.images.chunks import silent_pillow
from multitask.images.ordered_threads import in_order
from multitask.images.progress_line import Progress, tell

LOG = logging.getLogger("multitask")
MOST_KEPT = 160 * 2**20
"""Most bytes of a file that this process may keep in memory."""
AHEAD = 64


class PixelFile:
    """Consecutive images in a file, readable by several processes.

    A small file is read into memory at once, so that reading images is as fast as copying. From a
    larger file, only the images of the batch are read. The file is not memory-mapped, because the
    process would crash if the file were truncated in the meantime.

    An image is compared with its checksum when a process first reads it. A damaged image is decoded
    again and, if the file is writable, written again.

    Args:
        path: the file, ``images * channels * height * width`` bytes.
        shape: ``(channels, height, width)``.
        checksums: CRC-32 of each image's bytes, shape ``[images]``, int64.
        decode: returns the pixels of an image by its index, uint8, with this shape.
    """

    def __init__(
        self,
        path: Path,
        shape: tuple[int, int, int],
        checksums: np.ndarray,
        decode: Callable[[int], np.ndarray],
    ) -> None:
        self.path, self.shape, self.checksums, self.decode = path, shape, checksums, decode
        self._file: int | None = None
        self._kept: np.ndarray | None = None
        self._compared = np.zeros(len(checksums), np.bool_)
        self._has_told = False

    def __getstate__(self) -> dict[str, Any]:
        names = ("path", "shape", "checksums", "decode")
        return {name: getattr(self, name) for name in names}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__init__(**state)  # type: ignore[misc]

    def __del__(self) -> None:
        if self._file is not None:
            os.close(self._file)

    def __len__(self) -> int:
        return len(self.checksums)

    def read(self, rows: Tensor) -> Tensor:
        """Copy images out of the file.

        Args:
            rows: indices of images, ``[batch]``, int64.

        Returns:
            Shape ``[batch, channels, height, width]``, uint8.

        Raises:
            IndexError: if there is no such image.
            InputError: if the file no longer exists, or an image is damaged and cannot be decoded
                again.
        """
        places = rows.numpy()
        if len(rows) and not 0 <= places.min() <= places.max() < len(self):
            raise IndexError(f"there are {len(self)} images, with indices from 0")
        pixels = np.empty((len(rows), *self.shape), np.uint8)
        if len(rows):
            if self._file is None:
                self._open()
            if self._kept is None:
                self._read(places, pixels)
            else:
                # Many times as fast as indexing a tensor of bytes; without `clip` it copies twice.
                np.take(self._kept, places, axis=0, out=pixels, mode="clip")
        return torch.from_numpy(pixels)

    def _open(self) -> None:
        try:
            self._file = os.open(self.path, os.O_RDONLY)
        except OSError as error:
            is_gone = isinstance(error, FileNotFoundError)
            cure = "" if is_gone else f"delete {self.path.parent}, and "
            raise InputError(
                f"{self.path} can no longer be read ({error.strerror}); {cure}the next start fills "
                "the image cache again"
            ) from error
        if len(self) * prod(self.shape) <= MOST_KEPT:
            pixels = np.zeros((len(self), *self.shape), np.uint8)
            _read_into(self._file, pixels.data.cast("B"), 0)
            self._mend(np.arange(len(self)), pixels)
            self._kept = pixels

    def _read(self, places: np.ndarray, pixels: np.ndarray) -> None:
        assert self._file is not None
        size = prod(self.shape)
        batch = pixels.data.cast("B")
        for number, start in enumerate((places * size).tolist()):
            image = batch[number * size : (number + 1) * size]
            if not _read_into(self._file, image, start):
                # It was readable when it was compared.
                self._compared[places[number]] = False
        self._mend(places, pixels)

    def _mend(self, places: np.ndarray, pixels: np.ndarray) -> None:
        """Compare images that have not been compared yet, and decode the damaged ones again."""
        new = np.flatnonzero(~self._compared[places])
        if not len(new):
            return
        expected = self.checksums[places[new]].tolist()
        found = zip(new.tolist(), expected, strict=True)
        damaged = [number for number, checksum in found if crc32(pixels[number]) != checksum]
        self._compared[places[new]] = True
        if damaged:
            self._decode_again(places, pixels, damaged)

    def _decode_again(self, places: np.ndarray, pixels: np.ndarray, damaged: list[int]) -> None:
        self._tell(len(damaged), len(places))
        progress = Progress("image cache: decoded", 0, len(damaged))
        images = in_order(self._decoded, places[damaged].tolist(), AHEAD)
        with silent_pillow():
            for number, image in zip(damaged, images, strict=True):
                pixels[number] = image
                progress.step()
        if (reason := self._write(places[damaged], pixels[damaged])) is not None:
            LOG.info("%s cannot be repaired: %s", self.path, reason)
            self._compared[places[damaged]] = False

    def _decoded(self, place: int) -> np.ndarray:
        image = self.decode(place)
        if crc32(image.data) != self.checksums[place]:
            raise InputError(
                f"{self.path} is damaged, and its image {place} is now decoded to different "
                f"pixels, as by another version of Pillow; delete {self.path.parent}, which the "
                "next start fills again"
            )
        return image

    def _write(self, places: np.ndarray, pixels: np.ndarray) -> str | None:
        """Write images to their places in the file; return the reason if that fails."""
        size = prod(self.shape)
        try:
            # Other processes write the same bytes, if any.
            file = os.open(self.path, os.O_WRONLY)
            try:
                for place, image in zip(places.tolist(), pixels, strict=True):
                    os.pwrite(file, image.data, place * size)
            finally:
                os.close(file)
        except OSError as error:
            return error.strerror
        return None

    def _tell(self, damaged: int, read: int) -> None:
        if not self._has_told:
            self._has_told = True
            tell(
                f"image cache: {self.path} is damaged: of {read} images read, {damaged} differ "
                "from what was written; all such images are decoded again from their files"
            )


def _read_into(file: int, content: memoryview, start: int) -> bool:
    """Read a part of a file; return False if that fails or the file ends before."""
    # By absolute position, because processes share the current position of the file.
    done = 0
    while done < len(content):
        try:
            count = _read_some(file, content[done:], start + done)
        except OSError as error:
            LOG.info("the image cache cannot be read at byte %d: %s", start + done, error.strerror)
            return False
        if not count:
            return False
        done += count
    return True


def _read_some(file: int, content: memoryview, start: int) -> int:
    if hasattr(os, "preadv"):
        return os.preadv(file, [content], start)
    piece = os.pread(file, len(content), start)
    content[: len(piece)] = piece
    return len(piece)
