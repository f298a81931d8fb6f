"""The segmentation data of Pascal VOC, and folders with the same layout."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from multitask.data.cached_images import CachedImages
from multitask.data.known.image_files import ImageFiles
from multitask.data.known.map_set import MapSet
from multitask.data.known.part import Part
from multitask.errors import InputError
from multitask.geometry import Geometry, PixelMap
from multitask.images.maps import ClassMap

VOC: list[str | int | bool] = [
    "background", "aeroplane", "bicycle", "bird", "boat", "bottle", "bus", "car", "cat", "chair",
    "cow", "diningtable", "dog", "horse", "motorbike", "person", "pottedplant", "sheep", "sofa",
    "train", "tvmonitor",
]  # fmt: skip
INSIDE = Path("VOCdevkit/VOC2012")


class PascalVOC(ImageFiles, MapSet):
    """The segmentation data of Pascal VOC (Everingham et al., 2010), or folders with its layout.

    Task: ``segmentation`` (21 classes, or ``classes``). Files: ``JPEGImages/NAME.jpg``, their
    palette images ``SegmentationClass/NAME.png``, in which 255 is missing, and lists of names
    ``ImageSets/Segmentation/{train,val,test}.txt``. If the list ``test`` exists with all of its
    maps, the lists are the splits. Otherwise, as for VOC itself, whose test maps are not public,
    the list ``val`` (1449 images of VOC 2012) is the test set, and a fraction of the list ``train``
    (1464) is held out for validation.

    Args:
        classes: names of the classes in the order of their indices; default: those of VOC.
        options: see `ImageFiles` and `MapSet`; ``root`` is the folder that contains ``JPEGImages``,
            or torchvision's root folder.
    """

    where_to_get_it = (
        "http://host.robots.ox.ac.uk/pascal/VOC, or with torchvision.datasets.VOCSegmentation"
    )

    def __init__(self, classes: list[str | int | bool] | None = None, **options: Any) -> None:
        super().__init__(**options)
        self.classes = classes or VOC

    def own_geometry(self) -> dict[str, Geometry]:
        return {**super().own_geometry(), "segmentation": PixelMap()}

    def read(self) -> dict[str, Part]:
        inside = (self.root / INSIDE / "JPEGImages").is_dir()
        folder = self.root / INSIDE if inside else self.root
        coding = ClassMap(classes=self.classes)
        self._classes = {"segmentation": list(coding.class_names or ())}
        lists = self._lists(folder)
        names = [name for part in lists.values() for name in part]
        cache = self.cached([folder / f"JPEGImages/{name}.jpg" for name in names])
        files = [folder / f"SegmentationClass/{name}.png" for name in names]
        maps = self.stored(files, cache.sizes, coding, self.format)
        found, start = {}, 0
        for part, own in lists.items():
            rows = torch.arange(start, start + len(own))
            targets = self.targets_of({"segmentation": maps}, rows)
            found[part] = Part(CachedImages(cache, rows, targets), [f"{name}.jpg" for name in own])
            start += len(own)
        return found

    def _lists(self, folder: Path) -> dict[str, list[str]]:
        found = {}
        for name in ("train", "val", "test"):
            path = folder / f"ImageSets/Segmentation/{name}.txt"
            if path.is_file():
                found[name] = _names(path)
        for name in ("train", "val"):
            if not found.get(name):
                raise InputError(
                    f"PascalVOC has no names in {folder}/ImageSets/Segmentation/{name}.txt; set "
                    "data.init_args.root to the folder with JPEGImages, SegmentationClass "
                    "and ImageSets"
                )
        maps = folder / "SegmentationClass"
        test = found.get("test", [])
        if test and all((maps / f"{name}.png").is_file() for name in test):
            return found
        return {"train": found["train"], "test": found["val"]}


def _names(path: Path) -> list[str]:
    try:
        names = path.read_text(encoding="utf-8").split()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path} cannot be read as a list of names ({error})") from error
    for each in names:
        if "\0" in each or ".." in Path(each).parts or Path(each).is_absolute():
            raise InputError(f"{path}: '{each:.60}' is not the name of an image in JPEGImages")
    return names
