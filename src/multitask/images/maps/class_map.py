"""Maps of class indices."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from multitask.errors import InputError
from multitask.images.decoding import UnusableImage
from multitask.images.maps.base import MapCoding, Values
from multitask.images.maps.map_file import UNREADABLE, read_map
from multitask.missing_labels import MISSING_BYTE, MISSING_CLASS
from multitask.pages.words import listed

UNKNOWN = "unknown_class"
MOST_CLASSES, LARGEST = 65_536, 65_535
MOST_NAMED = 3


class ClassMap(MapCoding):
    """A map of class indices: a grey image of 8 or 16 bits, a palette image, or an array.

    Pixels of a palette image are palette indices, as in Pascal VOC. Targets have shape ``[batch,
    height, width]``: uint8, 255 if missing, or int64, -100 if missing, if there are more than 255
    classes.

    Args:
        num_classes: number of classes; default: the length of ``classes`` or ``numbers``.
        classes: class names, in the order of their indices.
        numbers: the value of each class in the files; default: 0, 1, 2 and so on.
        missing: values in the files that mark missing pixels; default: 255 and negative values,
            unless a class has that value.

    Raises:
        InputError: if the arguments contradict each other.
    """

    def __init__(
        self,
        num_classes: int | None = None,
        classes: list[str | int | bool] | None = None,
        numbers: list[int] | None = None,
        missing: list[int] | None = None,
    ) -> None:
        self.num_classes, self.classes, self.numbers = num_classes, classes, numbers
        self.missing = missing
        sizes = self._sizes()
        if len(set(sizes.values())) != 1:
            said = listed(f"{size} by {name}" for name, size in sizes.items()) or "not set"
            raise InputError(
                f"ClassMap: the number of classes is {said}; give one of num_classes, classes and "
                "numbers, or several that agree"
            )
        self.size = next(iter(sizes.values()))
        if not 1 <= self.size <= MOST_CLASSES:
            raise InputError(
                f"ClassMap: there are {self.size} classes; give 1 to {MOST_CLASSES:,} of them"
            )
        self._check_numbers()

    def _sizes(self) -> dict[str, int]:
        found = {} if self.num_classes is None else {"num_classes": self.num_classes}
        lists = {"classes": self.classes, "numbers": self.numbers}
        return found | {name: len(each) for name, each in lists.items() if each is not None}

    def _check_numbers(self) -> None:
        numbers = self._numbers()
        if len(set(numbers)) < len(numbers):
            raise InputError(
                "ClassMap: numbers contains a number twice; give each class a different one"
            )
        if outside := [each for each in numbers if not 0 <= each <= LARGEST]:
            raise InputError(
                f"ClassMap: numbers contains {outside[0]}; numbers of classes are 0 to {LARGEST}"
            )
        if both := sorted(set(self.missing or ()) & set(numbers)):
            raise InputError(
                f"ClassMap: {both[0]} is the number of a class, but listed in missing; keep one"
            )
        if self.classes is not None and len(set(self.class_names or ())) < self.size:
            raise InputError(
                "ClassMap: classes contains a name twice; give each class a different one"
            )

    def _numbers(self) -> Sequence[int]:
        return range(self.size) if self.numbers is None else self.numbers

    @property
    def stored(self) -> np.dtype[Any]:
        return np.dtype(np.uint8 if self.size <= MISSING_BYTE else np.int32)

    @property
    def mark(self) -> int:
        return MISSING_BYTE if self.size <= MISSING_BYTE else MISSING_CLASS

    @property
    def class_names(self) -> list[str] | None:
        return None if self.classes is None else [str(each) for each in self.classes]

    def read(self, file: Path) -> Values:
        return self.numbered(_one_channel(read_map(file)))[None]

    def numbered(self, found: np.ndarray[Any, Any]) -> Values:
        """Convert the values of a file to class indices.

        Args:
            found: shape ``[height, width]``, integers.

        Raises:
            UnusableImage: naming the unknown values, and their number of pixels.
        """
        numbers = np.asarray(self._numbers())
        # There are few distinct values, and a table of them is much faster than a search.
        known = found[(found >= 0) & (found <= LARGEST)]
        counts = np.bincount(known.ravel(), minlength=LARGEST + 1)
        table = np.full(LARGEST + 1, self.mark, self.stored)
        table[numbers] = np.arange(self.size)
        is_other = counts > 0
        is_other[numbers] = False
        gone = self._gone()
        is_other[[each for each in gone if 0 <= each <= LARGEST]] = False
        others = {int(each): int(counts[each]) for each in np.flatnonzero(is_other)}
        if known.size < found.size:
            others |= self._outside(found[(found < 0) | (found > LARGEST)])
        if others:
            raise UnusableImage(UNKNOWN, self._sentence(others))
        inside = (found >= 0) & (found <= LARGEST)
        return np.where(inside, table[np.where(inside, found, 0)], self.mark).astype(self.stored)

    def _gone(self) -> list[int]:
        if self.missing is None:
            return [] if MISSING_BYTE in self._numbers() else [MISSING_BYTE]
        return self.missing

    def _outside(self, numbers: np.ndarray[Any, Any]) -> dict[int, int]:
        values, counts = np.unique(numbers, return_counts=True)
        each = zip(values.tolist(), counts.tolist(), strict=True)
        if self.missing is None:
            return {value: count for value, count in each if value > LARGEST}
        return {value: count for value, count in each if value not in self.missing}

    def _sentence(self, others: dict[int, int]) -> str:
        first = [
            f"{count:,} {'pixel has' if count == 1 else 'pixels have'} the number {number}"
            for number, count in list(others.items())[:MOST_NAMED]
        ]
        more = len(others) - len(first)
        said = listed([*first, f"{more} more numbers occur"] if more else first)
        right = f"0 to {self.size - 1}" if self.numbers is None else "those of numbers"
        gone = listed(map(str, self._gone())) or "no number"
        return (
            f"{said}, but the numbers of its classes are {right}, and {gone} means missing; give "
            "more classes, or list all numbers that mean missing in missing"
        )


def _one_channel(found: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    if found.ndim == 3:
        if found.shape[2] == 4 and not (found[..., 3] != found[..., 3].max()).any():
            found = found[..., :3]
        # Many programs write grey as a colour.
        if found.shape[2] != 3 or (found != found[..., :1]).any():
            raise UnusableImage(
                UNREADABLE,
                f"it has {found.shape[2]} channels, so its pixels are not class numbers; "
                "if they are colours, use multitask.images.maps.ColourMap",
            )
        found = found[..., 0]
    if found.dtype.kind == "f":
        whole = np.where(np.isnan(found), -1, found)
        if (whole != np.floor(whole)).any() or np.abs(whole).max() > LARGEST:
            raise UnusableImage(
                UNREADABLE,
                "its numbers are not integers, but class numbers are; if they are measurements, "
                "use multitask.images.maps.NumberMap",
            )
        found = whole
    return found.astype(np.int64)
