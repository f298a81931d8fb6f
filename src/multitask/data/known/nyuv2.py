"""NYU Depth v2, as used in the literature on multi-task learning."""

from __future__ import annotations

from multitask.data.known.mtan_files import MTANFiles
from multitask.images.maps import ClassMap, DepthMap, MapCoding, NormalMap

CLASSES: list[str | int | bool] = [
    "bed", "books", "ceiling", "chair", "floor", "furniture", "objects", "picture", "sofa", "table",
    "tv", "wall", "window",
]  # fmt: skip


class NYUv2(MTANFiles):
    """Indoor scenes (Silberman et al., 2012) in MTAN's files: 795 training, 654 test, 288 x 384.

    Tasks: ``segmentation`` (13 classes), ``depth`` (metres) and ``normals`` (unit vectors; their
    axes are those of the files, in which the first is horizontal in the image). Files:
    ``{train,val}/{image,label,depth,normal}/{i}.npy``; a label of -1, a depth of 0 and a normal of
    (0, 0, 0) are missing. Images of one room may be in both training and validation, but not in the
    test set.
    """

    where_to_get_it = "the page of MTAN's authors, https://github.com/lorenmt/mtan"

    def codings(self) -> dict[str, tuple[str, MapCoding]]:
        return {
            "segmentation": ("label", ClassMap(classes=CLASSES, missing=[-1])),
            "depth": ("depth", DepthMap()),
            "normals": ("normal", NormalMap(black=False)),
        }
