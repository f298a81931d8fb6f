"""A folder of images beside folders of maps with equal names: a table that nobody has written."""

from __future__ import annotations

import os
from pathlib import Path

import pandas as pd
from pandas import DataFrame

from multitask.tables.class_folders import FILE_NAME, IMAGE_ENDINGS, is_shown

IMAGES = ("images", "image", "imgs", "img", "jpegimages", "photos", "rgb", "color", "colour")
MAPS = (
    "masks", "mask", "labels", "label", "segmentationclass", "segmentation", "annotations",
    "annotation", "trimaps", "gt", "ground_truth", "groundtruth", "depth", "depths", "normal",
    "normals", "disparity",
)  # fmt: skip
BEHIND = ("", "_mask", "_masks", "_label", "_labels", "_seg", "_gt", "_depth", "_normal")
"""What may stand behind the image's name in that of its map."""
MAP_ENDINGS = (*IMAGE_ENDINGS, ".npy")
MOST = 0.5
"""Share of a folder's maps from which on having an image makes it one of maps."""

Stems = dict[str, str]
"""Files by their paths in their folder without the ending."""


def map_folders(folder: Path) -> list[Path]:
    """The folder of images in a folder, and those of maps beside it.

    Args:
        folder: one such as Pascal VOC's, with ``JPEGImages`` and ``SegmentationClass``, or with
            ``images`` and ``masks``.

    Returns:
        The images' folder first; empty unless there is one, and a folder whose files are called
        like most of them.
    """
    inner = [each for each in sorted(folder.iterdir()) if each.is_dir() and is_shown(each.name)]
    images = [each for each in inner if each.name.lower() in IMAGES]
    if len(images) != 1:
        return []
    candidates = [each for each in inner if each.name.lower() in MAPS]
    if not candidates:
        return []
    stems = _stems(images[0], IMAGE_ENDINGS)
    maps = [each for each in candidates if _fits(stems, _stems(each, MAP_ENDINGS))]
    return [images[0], *maps] if maps else []


def map_table(folder: Path) -> DataFrame:
    """The table that folders of images and maps stand for.

    Args:
        folder: see `map_folders`.

    Returns:
        ``file_name`` and a column for each folder of maps, called like it, all relative to the
        folder; a missing map is None. An image without any map has no row.
    """
    images, *maps = map_folders(folder)
    stems = {each: _stems(each, MAP_ENDINGS) for each in maps}
    rows = []
    for stem, file in sorted(_stems(images, IMAGE_ENDINGS).items()):
        own = [_map_of(stem, stems[each]) for each in maps]
        if any(own):
            named = [
                None if name is None else f"{each.name}/{name}"
                for each, name in zip(maps, own, strict=True)
            ]
            rows.append([f"{images.name}/{file}", *named])
    columns = [FILE_NAME, *(each.name for each in maps)]
    return DataFrame(rows, columns=columns, index=pd.RangeIndex(len(rows)), dtype=object)


def _stems(folder: Path, endings: tuple[str, ...]) -> Stems:
    found: Stems = {}
    for parent, folders, files in os.walk(folder):
        folders[:] = sorted(each for each in folders if is_shown(each))
        for name in files:
            if name.lower().endswith(endings) and is_shown(name):
                path = Path(parent, name).relative_to(folder)
                found[path.with_suffix("").as_posix()] = path.as_posix()
    return found


def _map_of(stem: str, maps: Stems) -> str | None:
    return next((maps[stem + each] for each in BEHIND if stem + each in maps), None)


def _fits(images: Stems, maps: Stems) -> bool:
    having = sum(_map_of(stem, maps) is not None for stem in images)
    return having > MOST * len(maps)
