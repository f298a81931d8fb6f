"""Tiny public data sets of maps, in the formats that the real ones are published in."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

NUMBERS = np.random.default_rng(0)
Arrays = dict[str, dict[str, list[np.ndarray]]]


def write_mtan(
    root: Path,
    labels: dict[str, int],
    normals: bool,
    size: tuple[int, int] = (6, 8),
    counts: tuple[int, int] = (12, 5),
) -> Arrays:
    """The folders ``train`` and ``val`` of MTAN's authors, some pixels unknown.

    Args:
        root: where to write.
        labels: by folder of labels, the number of classes.
        normals: whether there are normals.
        size: height and width.
        counts: files for training and in ``val``.

    Returns:
        All arrays, by folder and kind.
    """
    found: Arrays = {}
    for folder, count in zip(("train", "val"), counts, strict=True):
        found[folder] = {}
        kinds = ["image", *labels, "depth", *(["normal"] if normals else [])]
        for kind in kinds:
            (root / folder / kind).mkdir(parents=True)
            found[folder][kind] = [_array(kind, labels, size) for _ in range(count)]
            for number, array in enumerate(found[folder][kind]):
                np.save(root / folder / kind / f"{number}.npy", array)
    return found


def _array(kind: str, labels: dict[str, int], size: tuple[int, int]) -> np.ndarray:
    if kind == "image":
        return NUMBERS.random((*size, 3))
    if kind == "depth":
        depth = NUMBERS.uniform(0.5, 9, (*size, 1))
        depth[NUMBERS.random(size) < 0.1] = 0
        return depth.astype(np.float32)
    if kind == "normal":
        vectors = NUMBERS.normal(size=(*size, 3))
        vectors /= np.linalg.norm(vectors, axis=2, keepdims=True)
        vectors[NUMBERS.random(size) < 0.1] = 0
        return vectors
    return NUMBERS.integers(-1, labels[kind], size).astype(np.float64)


def write_voc(root: Path, lists: dict[str, int], classes: int = 21) -> dict[str, np.ndarray]:
    """Folders like those of Pascal VOC; returns each image's map by its name."""
    maps = {}
    for name in ("JPEGImages", "SegmentationClass", "ImageSets/Segmentation"):
        (root / name).mkdir(parents=True)
    for part, count in lists.items():
        names = [f"2007_{part}{number:03}" for number in range(count)]
        (root / f"ImageSets/Segmentation/{part}.txt").write_text("\n".join(names) + "\n")
        for number, name in enumerate(names):
            size = (20 + number % 3, 30)
            pixels = NUMBERS.integers(0, 256, (*size, 3)).astype(np.uint8)
            Image.fromarray(pixels).save(root / f"JPEGImages/{name}.jpg")
            ids = NUMBERS.integers(0, classes, size).astype(np.uint8)
            ids[0] = 255
            image = Image.fromarray(ids, "P")
            image.putpalette(NUMBERS.integers(0, 256, 768).astype(np.uint8).tobytes())
            image.save(root / f"SegmentationClass/{name}.png")
            maps[f"{name}.jpg"] = ids
    return maps
