"""The Oxford-IIIT Pet data set."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import torch
from lightning.pytorch.utilities import rank_zero_warn
from torch import Tensor
from torchvision import datasets

from multitask.data.cached_images import CachedImages
from multitask.data.cached_maps import CachedMaps
from multitask.data.known.classified import Classified
from multitask.data.known.image_files import ImageFiles
from multitask.data.known.part import Part
from multitask.data.known.pet_boxes import Annotated, head_box, trimap_box
from multitask.data.targets import Targets, rows_of
from multitask.errors import InputError
from multitask.geometry import Boxes, Geometry, PixelMap
from multitask.images.maps import ClassMap
from multitask.images.maps.map_cache import MapCache
from multitask.images.maps.map_fitting import OTHER_SIZE
from multitask.images.ordered_threads import in_order
from multitask.images.resizing import resized

LISTS = {"train": "trainval", "test": "test"}
MISSING = (torch.nan,) * 4
TRIMAPS = {
    2: ClassMap(classes=["background", "pet"], numbers=[2, 1], missing=[3]),
    3: ClassMap(classes=["background", "pet", "border"], numbers=[2, 1, 3], missing=[]),
}


class OxfordPets(ImageFiles, Classified):
    """Photographs of cats and dogs (Parkhi et al., 2012): 3680 training, 3669 test images.

    Tasks: ``breed`` (37 classes), ``species`` (2 classes: cat, dog), ``box`` (4 numbers: left, top,
    right and bottom of the whole animal) and ``head_box`` (the same for its head, missing if not
    annotated, as in almost all of the test set). Boxes are in pixels of the resized image, from its
    top left corner; see `pet_boxes` for their sources. The optional ``mask`` is the trimap, missing
    if its size differs from the image's.

    Args:
        mask: number of classes of the task ``mask``: 3 (background, pet, and the border between
            them), 2 (the border is missing), or 0 to omit the task.
        options: see `ImageFiles` and `Classified`.
    """

    class_task = "breed"

    def __init__(self, mask: Literal[0, 2, 3] = 0, **options: Any) -> None:
        super().__init__(**options)
        if mask not in TRIMAPS and mask != 0:
            raise InputError(f"mask is {mask!r:.40}; give 0, 2 or 3 classes")
        self.mask = mask

    def read(self) -> dict[str, Part]:
        for split in LISTS.values():
            # torchvision fails on lists that it cannot read.
            source = self.fetched(datasets.OxfordIIITPet, split=split)
        self._classes = {"breed": list(source.classes), "species": ["cat", "dog"]}
        folder = self.root / "oxford-iiit-pet"
        rows = {part: _listed(folder / f"annotations/{LISTS[part]}.txt") for part in LISTS}
        names = [name for part in rows.values() for name, _, _ in part]
        cache = self.cached([folder / f"images/{name}.jpg" for name in names])
        targets: dict[str, Targets] = {
            "breed": torch.tensor([breed for part in rows.values() for _, breed, _ in part]),
            "species": torch.tensor([species for part in rows.values() for *_, species in part]),
            "box": self._boxes("box", folder, names, cache.sizes),
            "head_box": self._boxes("head_box", folder, names, cache.sizes),
        }
        if self.mask:
            targets["mask"] = self._masks(folder, names, cache.sizes)
            self._classes["mask"] = list(TRIMAPS[self.mask].class_names or ())
        places = torch.arange(len(names)).split([len(part) for part in rows.values()])
        return {
            part: Part(
                CachedImages(
                    cache, at, {task: rows_of(each, at) for task, each in targets.items()}
                ),
                [f"{names[place]}.jpg" for place in at.tolist()],
            )
            for part, at in zip(rows, places, strict=True)
        }

    def own_geometry(self) -> dict[str, Geometry]:
        masks: dict[str, Geometry] = {"mask": PixelMap()} if self.mask else {}
        return {**super().own_geometry(), "box": Boxes(), "head_box": Boxes(), **masks}

    def _masks(self, folder: Path, names: list[str], sizes: Tensor) -> CachedMaps:
        files = [folder / f"annotations/trimaps/{name}.png" for name in names]
        coding = TRIMAPS[self.mask]
        cache = MapCache(files, sizes, coding, self.format, self.cache_folder, self.cache_limit)
        cache.build()
        rows = torch.arange(len(files))
        for place, problem in sorted(cache.problems.items()):
            if problem.kind != OTHER_SIZE:
                raise InputError(f"OxfordPets: {files[place]}: {problem.reason}; {self.cure}")
            rows[place] = -1
        return CachedMaps(cache, rows)

    def _boxes(self, task: str, folder: Path, names: list[str], sizes: Tensor) -> Tensor:
        read = {"box": trimap_box, "head_box": head_box}[task]
        found = list(in_order(lambda name: read(folder / "annotations", name), names, ahead=64))
        boxes = [
            _fitting(each, tuple(size)) for each, size in zip(found, sizes.tolist(), strict=True)
        ]
        if others := sum(box is None for box in boxes):
            rank_zero_warn(
                f"OxfordPets: '{task}' is missing for {others} images, whose annotations belong to "
                "images of another size"
            )
        values = torch.tensor([MISSING if box is None else box for box in boxes])
        return resized(values, sizes, self.format, Boxes())


def _fitting(annotated: Annotated | None, size: tuple[int, ...]) -> tuple[float, ...] | None:
    """Return the box, missing numbers if there is none, None if its image has another size."""
    if annotated is None or annotated.box is None:
        return MISSING
    return annotated.box if annotated.size == size else None


def _listed(path: Path) -> list[tuple[str, int, int]]:
    """Return name, breed and species of a list's images, both numbered from 0."""
    rows = [line.split() for line in path.read_text(encoding="utf-8").splitlines()]
    return [(name, int(breed) - 1, int(species) - 1) for name, breed, species, _ in rows]
