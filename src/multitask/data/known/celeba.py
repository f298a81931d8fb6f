"""CelebA: faces with 40 attributes and five landmarks."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from torchvision import datasets

from multitask.data.cached_images import CachedImages
from multitask.data.known.image_files import ImageFiles
from multitask.data.known.part import Part
from multitask.geometry import Geometry, Landmarks
from multitask.images.resizing import resized

PARTITIONS = ("train", "val", "test")
MIRRORED = [1, 0, 2, 4, 3]
"""Order of left eye, right eye, nose, left and right corner of the mouth in a mirror image."""


class CelebA(ImageFiles):
    """Aligned photographs of faces (Liu et al., 2015).

    162 770 for training, 19 867 for validation, 19 962 for the test, in the official partition.

    Tasks: each of the 40 attributes (2 classes: no, yes) with its original name, such as
    ``Smiling``, except ``Five_o_Clock_Shadow`` for ``5_o_Clock_Shadow``, because a task's name must
    begin with a letter; and ``landmarks`` (10 numbers: right and down of the image's top left
    corner, for left eye, right eye, nose, left and right corner of the mouth as seen by the viewer,
    in pixels of the resized image). torchvision needs the package gdown to download the data set.
    """

    def read(self) -> dict[str, Part]:
        # All parts at once, because torchvision reads all files again for each part.
        source = self.fetched(datasets.CelebA, split="all", target_type=[])
        folder = Path(source.root, source.base_folder)
        partition = torch.from_numpy(
            np.loadtxt(folder / "list_eval_partition.txt", usecols=1, dtype=np.int64, ndmin=1)
        )
        cache = self.cached([folder / "img_align_celeba" / name for name in source.filename])
        attributes = [name.replace("5_", "Five_") for name in source.attr_names if name]
        targets = dict(zip(attributes, source.attr.T.contiguous(), strict=True))
        targets["landmarks"] = resized(
            source.landmarks_align.float(), cache.sizes, self.format, Landmarks(MIRRORED)
        )
        return {
            split: Part(
                CachedImages(cache, at, {task: values[at] for task, values in targets.items()}),
                [source.filename[place] for place in at.tolist()],
            )
            for number, split in enumerate(PARTITIONS)
            for at in [(partition == number).nonzero().flatten()]
        }

    def own_geometry(self) -> dict[str, Geometry]:
        return {**super().own_geometry(), "landmarks": Landmarks(MIRRORED)}
