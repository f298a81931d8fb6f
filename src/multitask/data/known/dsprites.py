"""dSprites: shapes of known size, orientation and position."""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torchvision.datasets.utils import download_url

from multitask.data.dataset import InMemory
from multitask.data.known.base import KnownData
from multitask.data.known.part import Part
from multitask.data.splitting import random_split
from multitask.errors import InputError

FILE = "dsprites_ndarray_co1sh3sc6or40x32y32_64x64.npz"
URL = f"https://github.com/google-deepmind/dsprites-dataset/raw/master/{FILE}"
SHAPE, SCALE, ORIENTATION, POSITION = 1, 2, 3, slice(4, 6)
"""Columns of the latent values; column 0, the colour, is constant (white)."""
TURNS = torch.tensor([4.0, 2.0, 1.0])
"""Rotational symmetry of square, ellipse and heart: repetitions within one turn."""
CHUNK = 4096


class DSprites(KnownData):
    """White sprites on black, 64x64 pixels, all combinations of factors (Matthey et al., 2017).

    737 280 images: 3 shapes, 6 scales, 40 orientations, 32x32 positions. A random subset is used
    and divided at random.

    Tasks: ``shape`` (3 classes: square, ellipse, heart), ``scale`` (1 number, 0.5 to 1),
    ``orientation`` (2 numbers: sine and cosine of the angle times 4 for a square, 2 for an ellipse,
    1 for a heart) and ``position`` (2 numbers, 0 to 1, as in the file).

    The orientation is not a plain angle: a square rotated by 90 degrees and an ellipse rotated by
    180 degrees look unchanged, so identical-looking images would have different angles, which no
    model could tell apart. With the angle multiplied, they have the same target; and sine and
    cosine are continuous at a full turn.

    Args:
        samples: number of images to use, 3 or more; default: all, which need 3 GB.
        val: fraction of them for validation.
        test: fraction of them for the test.
        options: see `KnownData`.
    """

    def __init__(
        self, samples: int | None = 50_000, val: float = 0.1, test: float = 0.1, **options: Any
    ) -> None:
        super().__init__(**options)
        if samples is not None and samples < 3:
            raise InputError(f"samples is {samples}; give 3 or more, or null for all images")
        for name, share in (("val", val), ("test", test)):
            if not 0 < share < 1:
                raise InputError(f"{name} is {share}; give a share between 0 and 1")
        self.samples, self.val, self.test = samples, val, test

    def read(self) -> dict[str, Part]:
        path = self.fetched(_downloaded)
        with _told_if_damaged(path), np.load(path) as arrays:
            values = arrays["latents_values"]
        rows = self._chosen(len(values))
        with _told_if_damaged(path):
            images = 255 * _read_images(path, rows)
        targets = _targets(torch.from_numpy(values[rows.numpy()]).float())
        return {"all": Part(InMemory(images, targets))}

    def divide(self, parts: Mapping[str, Part]) -> Mapping[str, Part]:
        size = len(parts["all"].samples)
        val, test = (round(share * size) for share in (self.val, self.test))
        rows = random_split(size, val, test, self.seed)
        return {split: parts["all"].take(each) for split, each in rows.items()}

    def _chosen(self, size: int) -> Tensor:
        wanted = size if self.samples is None else self.samples
        if wanted > size:
            raise InputError(f"samples is {wanted}, but dSprites have {size} images")
        order = torch.randperm(size, generator=torch.Generator().manual_seed(self.seed))
        return order[:wanted].sort().values


def _downloaded(root: str, download: bool) -> Path:
    path = Path(root, FILE)
    if download:
        download_url(URL, root, FILE)
    if not path.is_file():
        raise RuntimeError("Dataset not found.")
    return path


@contextmanager
def _told_if_damaged(path: Path) -> Iterator[None]:
    try:
        yield
    except (zipfile.BadZipFile, zlib.error, KeyError, ValueError, EOFError) as error:
        raise InputError(
            f"{path} is not the dSprites file, or is incomplete ({error}); delete it and set "
            "data.init_args.download to true"
        ) from error


def _targets(values: Tensor) -> dict[str, Tensor]:
    shape = values[:, SHAPE].long() - 1
    angle = TURNS[shape] * values[:, ORIENTATION]
    return {
        "shape": shape,
        "scale": values[:, SCALE],
        "orientation": torch.stack([angle.sin(), angle.cos()], 1),
        "position": values[:, POSITION],
    }


def _read_images(path: Path, rows: Tensor) -> Tensor:
    """Read images of 0 and 1 without holding all of them in memory.

    Args:
        path: npz file whose array ``imgs`` has shape ``[samples, height, width]`` and dtype uint8.
        rows: indices of the images to keep, ascending, int64.

    Returns:
        Shape ``[len(rows), 1, height, width]``, uint8.
    """
    kept = []
    with zipfile.ZipFile(path) as archive, archive.open("imgs.npy") as file:
        if np.lib.format.read_magic(file) != (1, 0):
            raise ValueError("its images are not in version 1.0 of numpy's format")
        shape, by_columns, dtype = np.lib.format.read_array_header_1_0(file)
        if by_columns or dtype != np.uint8 or len(shape) != 3:
            raise ValueError(f"its images are {dtype} of shape {shape}")
        for first in range(0, shape[0], CHUNK):
            count = min(CHUNK, shape[0] - first)
            data = bytearray(file.read(count * shape[1] * shape[2]))
            chunk = torch.frombuffer(data, dtype=torch.uint8).view(count, 1, *shape[1:])
            kept.append(chunk[rows[(rows >= first) & (rows < first + count)] - first])
    return torch.cat(kept)
