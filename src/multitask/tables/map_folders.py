"""Folders of images and of maps with equal file names, which are read as a table."""

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
"""Suffixes that a map's name may add to its image's name."""
MAP_ENDINGS = (*IMAGE_ENDINGS, ".npy")
MOST = 0.5
"""Least fraction of a folder's maps that must have an image for it to be a folder of maps."""

Stems = dict[str, str]
"""Files by their paths in their folder, without suffix."""


def map_folders(folder: Path) -> list[Path]:
    """Find the folder of images in a folder, and the folders of maps beside it.

    Args:
        folder: a folder such as Pascal VOC's, with ``JPEGImages`` and ``SegmentationClass``, or one
            with ``images`` and ``masks``.

    Returns:
        The folder of images first; empty unless there is one, and a folder of files with mostly the
        same names.
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
    """Return the table that represents folders of images and maps.

    Args:
        folder: see `map_folders`.

    Returns:
        The column ``file_name`` and a column for each folder of maps with the folder's name, all
        relative to the folder; a missing map is None. An image without maps has no row.
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
