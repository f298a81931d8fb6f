"""Targets that are stored on disk as NumPy arrays and read by batch."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from multitask.errors import InputError
from multitask.pages.words import listed

DTYPES = ("uint8", "int64", "float16", "float32")


class StoredMaps:
    """Targets in ``.npy`` files: one file for all samples, or one file per sample.

    Files are opened on first use and read through a memory map, so that only one batch is in
    memory. Class indices need the least space as bytes (uint8, 255 if missing), numbers in half
    precision (float16, NaN if missing): they are converted to int64 and float32 on the model's
    device.

    Args:
        files: one file, whose first axis is ``[samples]``; or one file per sample, all of the same
            shape and dtype.

    Raises:
        InputError: if there is no file, or one is missing, is not a NumPy array, has a dtype that
            is invalid for targets, or differs from the first in shape or dtype.
    """

    def __init__(self, files: Path | str | Sequence[Path | str]) -> None:
        self.is_one_file = isinstance(files, str | Path)
        self.files = [Path(files)] if isinstance(files, str | Path) else [Path(f) for f in files]
        if not self.files:
            raise InputError("StoredMaps has no files; give one for all samples, or one for each")
        first = _opened(self.files[0])
        if self.is_one_file and first.ndim == 0:
            raise InputError(
                f"{self.files[0]} contains a single number; give an array whose first axis is "
                "[samples], or a file for each sample"
            )
        self.shape = tuple(first.shape[1:]) if self.is_one_file else tuple(first.shape)
        self.dtype = first.dtype
        self._size = len(first) if self.is_one_file else len(self.files)
        self._array: np.ndarray | None = None

    def __getstate__(self) -> dict[str, Any]:
        # Each loading process maps the file separately.
        return {**self.__dict__, "_array": None}

    def __len__(self) -> int:
        return self._size

    def __getitem__(self, indices: Tensor, /) -> Tensor:
        """Read targets.

        Args:
            indices: indices of samples, shape ``[batch]``, int64.

        Returns:
            Shape ``[batch, *shape]``, in the files' dtype.
        """
        places = indices.numpy()
        if self.is_one_file:
            if self._array is None:
                self._array = self._checked(self.files[0], (self._size, *self.shape))
            # Indexing by an array copies the data.
            return torch.from_numpy(self._array[places])
        found = np.empty((len(places), *self.shape), self.dtype)
        for row, place in enumerate(places):
            found[row] = self._checked(self.files[place], self.shape)
        return torch.from_numpy(found)

    def _checked(self, file: Path, shape: tuple[int, ...]) -> np.ndarray:
        array = _opened(file)
        if array.shape != shape or array.dtype != self.dtype:
            raise InputError(
                f"{file} contains {array.dtype} of shape {list(array.shape)}, but "
                f"{self.files[0]} contains {self.dtype} of shape {list(shape)}; all samples need "
                "the same shape and dtype"
            )
        return array


def _opened(file: Path) -> np.ndarray:
    try:
        array = np.load(file, mmap_mode="r", allow_pickle=False)
    except FileNotFoundError as error:
        raise InputError(f"the target file {file} does not exist") from error
    except Exception as error:
        # NumPy has Python parse the header, which raises many kinds of errors if it is damaged.
        raise InputError(
            f"{file} cannot be read as a NumPy array ({error}); write it with numpy.save"
        ) from error
    if not isinstance(array, np.ndarray) or array.dtype.name not in DTYPES:
        kind = getattr(array, "dtype", "an archive")
        raise InputError(
            f"{file} contains {kind}; convert it to {listed(DTYPES, word='or')} with array.astype"
        )
    return array
