"""Boxes around the animals of the Oxford-IIIT Pet data set."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
from PIL import Image

from multitask.errors import InputError

BACKGROUND = 2
"""Value of the background in a trimap; 1 is the animal, and 3 its ambiguous contour."""


@dataclass(frozen=True)
class Annotated:
    """A box, and the size of the image in which it was annotated.

    Args:
        box: left, top, right and bottom in pixels from the image's top left corner; None if there
            is none.
        size: height and width of the image.
    """

    box: tuple[float, float, float, float] | None
    size: tuple[int, int]


def trimap_box(annotations: Path, name: str) -> Annotated:
    """Return the smallest box around all pixels that are not background, to their outer edges.

    Args:
        annotations: the data set's folder of that name.
        name: name of the image, without suffix.

    Raises:
        InputError: if the trimap is not a complete image.
        FileNotFoundError: if there is no trimap.
    """
    path = annotations / "trimaps" / f"{name}.png"
    try:
        with Image.open(path) as image:
            animal = np.asarray(image) != BACKGROUND
        if animal.ndim != 2:
            raise ValueError("it has several channels")
    except FileNotFoundError:
        raise
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise InputError(
            f"{path} is not a complete image; unpack annotations.tar.gz again"
        ) from error
    columns, rows = (np.flatnonzero(animal.any(axis)) for axis in (0, 1))
    size = animal.shape[0], animal.shape[1]
    if not len(columns):
        return Annotated(None, size)
    box = float(columns[0]), float(rows[0]), float(columns[-1] + 1), float(rows[-1] + 1)
    return Annotated(box, size)


def head_box(annotations: Path, name: str) -> Annotated | None:
    """Return the annotated box around the head; None if there is no annotation.

    As in Pascal VOC, whose format they have, the files count pixels from 1 and give the last pixel
    inside the box.

    Args:
        annotations: the data set's folder of that name.
        name: name of the image, without suffix.

    Raises:
        InputError: if the file has unexpected content.
    """
    path = annotations / "xmls" / f"{name}.xml"
    if not path.exists():
        return None
    try:
        root = ElementTree.parse(path).getroot()
        left, top, right, bottom = (
            float(root.findtext(f"object/bndbox/{side}", ""))
            for side in ("xmin", "ymin", "xmax", "ymax")
        )
        size = int(root.findtext("size/height", "")), int(root.findtext("size/width", ""))
        if not (-np.inf < left <= right < np.inf and -np.inf < top <= bottom < np.inf):
            raise ValueError(f"{left:g}, {top:g}, {right:g}, {bottom:g} is not a box")
    except (ElementTree.ParseError, ValueError, LookupError) as error:
        raise InputError(
            f"{path} does not have a size and a box in the format of Pascal VOC ({error}); unpack "
            "annotations.tar.gz again"
        ) from error
    return Annotated((left - 1, top - 1, right, bottom), size)
