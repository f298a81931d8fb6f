"""Maps of classes encoded as colours."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np

from multitask.errors import InputError
from multitask.images.decoding import UnusableImage
from multitask.images.maps.base import MapCoding, Values
from multitask.images.maps.class_map import UNKNOWN
from multitask.images.maps.map_file import UNREADABLE, read_map
from multitask.missing_labels import MISSING_BYTE
from multitask.pages.words import counted

MOST_NAMED = 3
RGB = 3


class ColourMap(MapCoding):
    """A map of classes encoded as colours in an RGB image.

    Targets have shape ``[batch, height, width]``, uint8, 255 if missing.

    Args:
        colours: the colour of each class, such as ``'#80a000'`` or ``[128, 160, 0]``, in the order
            of the class indices; at most 255.
        classes: the class names.
        missing: colours that mark missing pixels.

    Raises:
        InputError: if an entry is not a colour, or two classes have the same one.
    """

    def __init__(
        self,
        colours: list[str | list[int]],
        classes: list[str | int | bool] | None = None,
        missing: list[str | list[int]] | None = None,
    ) -> None:
        self.colours, self.classes = colours, classes
        self.missing = missing
        numbers = [_number(each) for each in [*colours, *(missing or ())]]
        if not 1 <= len(colours) <= MISSING_BYTE:
            raise InputError(f"ColourMap: there are {len(colours)} colours; give 1 to 255 of them")
        if twice := [each for each, count in Counter(numbers).items() if count > 1]:
            raise InputError(
                f"ColourMap: the colour #{twice[0]:06x} occurs twice in colours and missing; give "
                "each class a different one"
            )
        if classes is not None and len({str(each) for each in classes}) != len(colours):
            raise InputError(
                f"ColourMap: classes has {len(set(map(str, classes)))} names, but colours has "
                f"{len(colours)}; give each class a colour and a name"
            )
        self._known = dict(zip(numbers[: len(colours)], range(len(colours)), strict=True))
        self._known |= dict.fromkeys(numbers[len(colours) :], MISSING_BYTE)

    @property
    def stored(self) -> np.dtype[Any]:
        return np.dtype(np.uint8)

    @property
    def mark(self) -> int:
        return MISSING_BYTE

    @property
    def class_names(self) -> list[str] | None:
        return None if self.classes is None else [str(each) for each in self.classes]

    def read(self, file: Path) -> Values:
        found = read_map(file, as_colours=True)
        if found.ndim == RGB and found.shape[2] == RGB + 1 and (found[..., RGB] == 255).all():
            found = found[..., :RGB]
        if found.ndim != RGB or found.shape[2] != RGB or found.dtype != np.uint8:
            raise UnusableImage(
                UNREADABLE,
                f"it contains {found.dtype} of shape {list(found.shape)}, which are not colours; "
                "if its numbers are classes, use multitask.images.maps.ClassMap",
            )
        wide = found.astype(np.int32)
        colours, places, counts = np.unique(
            wide[..., 0] << 16 | wide[..., 1] << 8 | wide[..., 2],
            return_inverse=True,
            return_counts=True,
        )
        each = zip(colours.tolist(), counts.tolist(), strict=True)
        if others := {colour: count for colour, count in each if colour not in self._known}:
            raise UnusableImage(UNKNOWN, _sentence(others))
        numbers = np.array([self._known[each] for each in colours.tolist()], np.uint8)
        return numbers[places].reshape(1, *found.shape[:2])


def _number(colour: str | list[int]) -> int:
    if isinstance(colour, str) and re.fullmatch(r"#[0-9a-fA-F]{6}", colour):
        return int(colour[1:], 16)
    is_list = isinstance(colour, list | tuple) and len(colour) == RGB
    if is_list and all(isinstance(each, int) and 0 <= each <= 255 for each in colour):
        red, green, blue = (int(each) for each in colour)
        return red << 16 | green << 8 | blue
    raise InputError(
        f"ColourMap: {colour!r:.40} is not a colour; write it as '#80a000' or as [128, 160, 0]"
    )


def _sentence(others: dict[int, int]) -> str:
    ordered = sorted(others.items(), key=lambda each: -each[1])
    first = ordered[:MOST_NAMED]
    named = ", ".join(f"#{colour:06x} ({counted(count, 'pixel')})" for colour, count in first)
    more = f", and {len(ordered) - MOST_NAMED} more" if len(ordered) > MOST_NAMED else ""
    return (
        f"it has colours that belong to no class: {named}{more}; add them to colours, or to "
        "missing, and save maps without smoothing"
    )
