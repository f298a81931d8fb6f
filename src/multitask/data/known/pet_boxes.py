"""Boxes around the animals of the Oxford-IIIT Pet data set."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
from PIL import Image

from multitask.errors import InputError

BACKGROUND = 2
"""In a trimap; 1 is the animal, and 3 the band at its contour, which belongs to either."""


@dataclass(frozen=True)
class Annotated:
    """A box, and the image that it was drawn in.

    Args:
        box: left, top, right and bottom in pixels of the image's top left corner; None where there
            is none.
        size: the image's height and width.
    """

    box: tuple[float, float, float, float] | None
    size: tuple[int, int]


def trimap_box(annotations: Path, name: str) -> Annotated:
    """The smallest box around all pixels that are not background, from their outer edges.

    Args:
        annotations: the set's folder of that name.
        name: of the image, without its ending.

    Raises:
        InputError: if the trimap is not a whole image.
        FileNotFoundError: if there is none.
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
        raise InputError(f"{path} is not a whole image; unpack annotations.tar.gz again") from error
    columns, rows = (np.flatnonzero(animal.any(axis)) for axis in (0, 1))
    size = animal.shape[0], animal.shape[1]
    if not len(columns):
        return Annotated(None, size)
    box = float(columns[0]), float(rows[0]), float(columns[-1] + 1), float(rows[-1] + 1)
    return Annotated(box, size)


def head_box(annotations: Path, name: str) -> Annotated | None:
    """The box around the head that people have drawn; None if they have not.

    The files count pixels from 1, as those of Pascal VOC, whose format they have, and name the
    last pixel within the box.

    Args:
        annotations: the set's folder of that name.
        name: of the image, without its ending.

    Raises:
        InputError: if the file does not say what it should.
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
            f"{path} does not have a size and a box as Pascal VOC's files do ({error}); unpack "
            "annotations.tar.gz again"
        ) from error
    return Annotated((left - 1, top - 1, right, bottom), size)
