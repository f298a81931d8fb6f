"""Digits of scikit-learn as image files beside a table, with the faults that such tables have."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path
from random import Random

import numpy as np
from PIL import Image
from sklearn.datasets import load_digits

CLASSES = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
BROKEN, OUTSIDE, UNICODE = 30, 31, 7
TURNED = (20, 21, 22)
HEADER = ("file_name", "digit", "ink", "tilt (left)")


def write_digits(folder: Path, count: int = 200, missing: float = 0.3) -> Path:
    """Write images and a table; 30 % of each column's cells are empty.

    Row 32 of the table is a broken file, row 33 a path outside of the folder, row 9 has letters
    that are not ASCII, and rows 22 to 24 are JPEGs that EXIF data turn.

    Args:
        folder: to be made.
        count: number of rows.
        missing: share of cells that are empty.

    Returns:
        The table.
    """
    (folder / "images").mkdir(parents=True)
    bunch, draws = load_digits(), Random(0)
    rows: list[Sequence[str]] = []
    for place in range(count):
        pixels = bunch.images[place]
        name = _write(folder, place, Image.fromarray((pixels * 15.9).astype(np.uint8)))
        tilt = pixels[:, :4].mean() - pixels[:, 4:].mean()
        cells = (CLASSES[bunch.target[place]], f"{pixels.mean():.3f}", f"{tilt:.3f}")
        rows.append([name, *("" if draws.random() < missing else each for each in cells)])
    table = folder / "digits.csv"
    with table.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([HEADER, *rows])
    return table


def _write(folder: Path, place: int, image: Image.Image) -> str:
    name = f"images/{place:03}.png"
    if place == UNICODE:
        name = "images/sieben für 七.png"
    if place == OUTSIDE:
        name = "../outside.png"
    if place in TURNED:
        name, exif = f"images/{place:03}.jpg", Image.Exif()
        exif[274] = 6
        image.rotate(90).save(folder / name, exif=exif, quality=95)
    elif place == BROKEN:
        (folder / name).write_bytes(b"no image")
    else:
        image.save(folder / name)
    return name
