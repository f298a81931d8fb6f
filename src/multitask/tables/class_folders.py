"""Folders of images, one per class, which are read as a table."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
from pandas import DataFrame

IMAGE_ENDINGS = (
    ".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff", ".gif", ".webp", ".ppm", ".pgm", ".jp2",
)  # fmt: skip
FILE_NAME, LABEL = "file_name", "label"
FEWEST_CLASSES = 2


def class_folders(folder: Path) -> list[Path]:
    """Find the folders of images in a folder, as torchvision's ``ImageFolder`` does.

    Args:
        folder: a folder that contains one folder per class.

    Returns:
        The folders, sorted by name; empty if fewer than two contain images.
    """
    found = [each for each in sorted(folder.iterdir()) if each.is_dir() and is_shown(each.name)]
    classes = [each for each in found if next(_images(each), None) is not None]
    return classes if len(classes) >= FEWEST_CLASSES else []


def class_table(folder: Path) -> DataFrame:
    """Return the table that represents folders of classes.

    Args:
        folder: see `class_folders`.

    Returns:
        The columns ``file_name``, relative to the folder, and ``label``, the name of the class
        folder.
    """
    rows = [
        (file.relative_to(folder).as_posix(), each.name)
        for each in class_folders(folder)
        for file in sorted(_images(each))
    ]
    return DataFrame(rows, columns=[FILE_NAME, LABEL], index=pd.RangeIndex(len(rows)), dtype=object)


def is_image_name(name: str) -> bool:
    """Return whether a file name has the suffix of an image."""
    return name.lower().endswith(IMAGE_ENDINGS)


def _images(folder: Path) -> Iterator[Path]:
    for parent, folders, files in os.walk(folder):
        folders[:] = sorted(each for each in folders if is_shown(each))
        yield from (Path(parent, each) for each in files if is_image_name(each) and is_shown(each))


def is_shown(name: str) -> bool:
    """Return whether a file or folder is neither hidden nor left behind by a system."""
    return not name.startswith((".", "__MACOSX"))
