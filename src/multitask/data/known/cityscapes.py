"""Cityscapes, as used in the literature on multi-task learning."""

from __future__ import annotations

from typing import Any, Literal

from multitask.data.known.mtan_files import MTANFiles
from multitask.geometry import Geometry, PixelMap
from multitask.images.maps import ClassMap, DepthMap, MapCoding

NAMES: dict[int, list[str | int | bool]] = {
    7: ["flat", "construction", "object", "nature", "sky", "human", "vehicle"],
    19: [
        "road", "sidewalk", "building", "wall", "fence", "pole", "traffic light", "traffic sign",
        "vegetation", "terrain", "sky", "person", "rider", "car", "truck", "bus", "train",
        "motorcycle", "bicycle",
    ],
}  # fmt: skip


class Cityscapes(MTANFiles):
    """Street scenes (Cordts et al., 2016) in MTAN's files: 2975 training, 500 test, 128 x 256.

    Tasks: ``segmentation`` (7 classes, or 19, or 2 without names) and ``inverse_depth`` (called
    depth in the literature: it is larger for nearer objects, and grows if an augmentation enlarges
    the image). Files: ``{train,val}/{image,label_7,depth}/{i}.npy``, or ``label`` instead of
    ``label_7``; a label of -1 and an inverse depth of 0 are missing.

    Args:
        num_classes: 7, 19 or 2, according to the folder ``label_7``, ``label_19`` or ``label_2``.
        options: see `MTANFiles`.
    """

    where_to_get_it = "the page of MTAN's authors, https://github.com/lorenmt/mtan"

    def __init__(self, num_classes: Literal[2, 7, 19] = 7, **options: Any) -> None:
        super().__init__(**options)
        self.num_classes = num_classes

    def codings(self) -> dict[str, tuple[str, MapCoding]]:
        folder = f"label_{self.num_classes}"
        if not (self.root / "train" / folder).is_dir() and self.num_classes == 7:
            folder = "label"
        classes = ClassMap(self.num_classes, NAMES.get(self.num_classes), missing=[-1])
        return {"segmentation": (folder, classes), "inverse_depth": ("depth", DepthMap())}

    def own_geometry(self) -> dict[str, Geometry]:
        return {**super().own_geometry(), "inverse_depth": PixelMap(scaled=1)}
