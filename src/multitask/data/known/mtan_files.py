"""Public data sets in the file layout of MTAN, which is used in the literature on balancing."""

from __future__ import annotations

from abc import abstractmethod
from pathlib import Path
from typing import Any

import torch

from multitask.data.cached_images import CachedImages
from multitask.data.known.map_set import MapSet
from multitask.data.known.part import Part
from multitask.errors import InputError
from multitask.geometry import Geometry
from multitask.images.decoding import UnusableImage
from multitask.images.format import ImageFormat, size_of
from multitask.images.maps import MapCoding
from multitask.images.maps.image_array import ImageArray

FOLDERS = {"train": "train", "test": "val"}
"""Folder of each part; the layout's ``val`` is the test set."""
IMAGE = "image"


class MTANFiles(MapSet):
    """NumPy arrays in the folders of Liu et al. (2019, "End-to-End Multi-Task Learning with
    Attention", arXiv 1803.10704): ``{train,val}/{image,label,...}/{0,1,2,...}.npy``.

    The folder ``val`` is the test set: the layout has no validation set, and published numbers are
    means of the test results over the last epochs. Here a fraction of the training images is held
    out to select the best epoch, so models are trained on fewer images than in publications.

    Args:
        image_size: side length in pixels, or ``[height, width]``, to which images and maps are
            resized; default: their size in the files.
        options: see `MapSet`; ``root`` is the folder that contains ``train`` and ``val``.
    """

    def __init__(self, image_size: int | list[int] | None = None, **options: Any) -> None:
        super().__init__(**options)
        self.image_size = image_size
        self.format: ImageFormat | None = None

    @abstractmethod
    def codings(self) -> dict[str, tuple[str, MapCoding]]:
        """For each task, the folder of its maps and how they are encoded."""

    def image_format(self) -> ImageFormat | None:
        self.setup()
        return self.format

    def own_geometry(self) -> dict[str, Geometry]:
        own = {task: coding.geometry() for task, (_, coding) in self.codings().items()}
        return {**super().own_geometry(), **own}

    def read(self) -> dict[str, Part]:
        numbers = {part: self._numbers(folder) for part, folder in FOLDERS.items()}
        self._classes = {
            task: names
            for task, (_, coding) in self.codings().items()
            if (names := coding.class_names) is not None
        }
        found = {}
        for part, folder in FOLDERS.items():
            images = self._files(folder, IMAGE, numbers[part])
            height, width = _size(images[0])
            if self.format is None:
                wanted = (height, width) if self.image_size is None else size_of(self.image_size)
                self.format = ImageFormat(*wanted)
            sizes = torch.tensor([height, width]).expand(len(images), 2).contiguous()
            cache = self.stored(images, sizes, ImageArray(), self.format)
            maps = {
                task: self.stored(
                    self._files(folder, name, numbers[part]), sizes, coding, self.format
                )
                for task, (name, coding) in self.codings().items()
            }
            rows = torch.arange(len(images))
            names = [f"{folder}/{number}" for number in numbers[part]]
            found[part] = Part(CachedImages(cache, rows, self.targets_of(maps, rows)), names)
        return found

    def _numbers(self, folder: str) -> list[int]:
        names = [each.stem for each in (self.root / folder / IMAGE).glob("*.npy")]
        if not names or not all(each.isdecimal() for each in names):
            raise InputError(
                f"{type(self).__name__} has no images {self.root / folder / IMAGE}/0.npy and so "
                "on; set data.init_args.root to the folder that contains train and val"
            )
        return sorted(map(int, names))

    def _files(self, folder: str, name: str, numbers: list[int]) -> list[Path]:
        place = self.root / folder / name
        files = [place / f"{number}.npy" for number in numbers]
        if gone := [each for each in files if not each.is_file()]:
            raise InputError(
                f"{type(self).__name__} is incomplete: there is no {gone[0]}, one of {len(gone)} "
                f"of {len(files)} files; {self.cure}"
            )
        return files


def _size(file: Path) -> tuple[int, int]:
    try:
        height, width = ImageArray().read(file).shape[1:]
    except (UnusableImage, OSError) as error:
        raise InputError(
            f"{file} contains no readable image: {error}; download the set again"
        ) from error
    return height, width
