"""The content of map files that a column names, inferred from their pixels."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from multitask.images.decoding import UnusableImage
from multitask.images.maps import ClassMap, ColourMap, DepthMap, MapCoding, NormalMap, NumberMap
from multitask.images.maps.map_file import read_map
from multitask.inspection.name_hints import words
from multitask.tables.image_paths import ImagePaths
from multitask.tables.table_sources import Source

LOOKED_AT = 256
FILE = r"(?i).*\.(png|tiff?|bmp|gif|npy)$"
MASK = {
    "mask", "masks", "label", "labels", "seg", "segmentation", "segmentations", "annotation",
    "annotations", "trimap", "trimaps", "gt", "truth", "class",
}  # fmt: skip
DEPTH = {"depth", "depths", "disparity", "distance", "height"}
NORMAL = {"normal", "normals"}
MOST_IDS = 64
"""Most distinct values of all files for which they count as classes."""
DENSE = 2
"""Ratio of the highest value to the number of values from which the values are listed."""
WHITE = 255
VECTOR, UNIT = 3, 0.05
"""Number of elements of a vector; relative tolerance of its length from 1."""


@dataclass(frozen=True)
class MapKind:
    """The inferred kind of a column of maps.

    Args:
        coding: how maps are encoded in the files.
        settings: the coding's arguments, as written in an experiment file.
        told: a sentence that describes the result.
        hint: a sentence on what to change if it is wrong.
        looked_at: number of files read.
    """

    coding: MapCoding
    settings: dict[str, Any]
    told: str
    hint: str = ""
    looked_at: int = 0

    @property
    def num_classes(self) -> int:
        """Number of classes; 0 for numbers."""
        is_class = isinstance(self.coding, ClassMap | ColourMap)
        return self.settings.get("num_classes", 0) or (
            len(self.settings.get("numbers", self.settings.get("colours", ()))) if is_class else 0
        )


def says_map(name: str) -> bool:
    """Return whether a name indicates that cells name map files."""
    return bool((MASK | DEPTH | NORMAL) & set(words(name)))


def names_maps(column: str, cells: pd.Series) -> bool:
    """Return whether most cells name files that may be maps, and the column's name indicates so.

    Args:
        column: name of the column.
        cells: the non-missing cells.
    """
    texts = cells.astype(str)
    return says_map(column) and bool(len(texts)) and texts.str.fullmatch(FILE).mean() > 0.5


def map_kind(column: str, cells: pd.Series, source: Source) -> MapKind | str:
    """Infer the kind of the map files that a column names.

    Args:
        column: name of the column.
        cells: the non-missing cells, which are file names; at least one.
        source: the table and its image folder.

    Returns:
        The inferred kind, or why there is none, and how to configure one.
    """
    finder = ImagePaths(source.folder, source.root)
    places = np.unique(np.linspace(0, len(cells) - 1, min(LOOKED_AT, len(cells))).astype(int))
    files = [finder.find(str(cells.iloc[place])) for place in places]
    usable = [
        Path(path) for path, _, problems in files
        if all(each.kind == "symbolic_link" for each in problems)
    ]  # fmt: skip
    if not usable:
        return (
            f"it names files that do not exist, such as '{cells.iloc[0]}'; if they are maps in "
            "another folder, write a target with map_folder and map"
        )
    seen = _Seen(words(column))
    for array in _read(usable):
        seen.add(array)
    found = seen.judged()
    ask = (
        "to learn it, write a target with map: a class of multitask.images.maps, such as ClassMap, "
        "ColourMap, DepthMap, NormalMap or NumberMap"
    )
    return f"it names image files; {ask}" if found is None else found


def _read(files: Sequence[Path]) -> Iterator[np.ndarray[Any, Any]]:
    for file in files:
        try:
            yield read_map(file)
        except (UnusableImage, OSError):
            # The cleaning of the data reports it.
            continue


@dataclass
class _Seen:
    """The common properties of the files read."""

    names: list[str]
    count: int = 0
    kinds: set[tuple[str, int]] = field(default_factory=set)
    """Kinds of dtype, and numbers of channels."""
    ids: set[int] = field(default_factory=set)
    colours: set[int] = field(default_factory=set)
    is_grey: bool = True
    is_unit: bool = True

    def add(self, array: np.ndarray[Any, Any]) -> None:
        channels = 1 if array.ndim == 2 else array.shape[2] if array.shape[2] <= 4 else 0
        if channels == 4 and array.dtype == np.uint8:
            array, channels = array[..., :VECTOR], VECTOR
        self.count += 1
        if channels == VECTOR:
            self._add_colours(array)
            array = array[..., 0]
        self.kinds.add((array.dtype.kind + str(array.dtype.itemsize), channels))
        if array.dtype.kind in "biu" and array.ndim == 2 and len(self.ids) <= MOST_IDS:
            self.ids.update(np.unique(array).tolist())

    def _add_colours(self, array: np.ndarray[Any, Any]) -> None:
        self.is_grey &= bool((array == array[..., :1]).all())
        vectors = array.astype(np.float64)
        if array.dtype.kind != "f":
            vectors = 2 * vectors / np.iinfo(array.dtype).max - 1
        lengths = np.sqrt((vectors**2).sum(2))
        # Vectors without direction are missing.
        lengths = lengths[(lengths > 0.5) & (array != 0).any(2)]
        self.is_unit &= bool(len(lengths)) and bool((abs(lengths - 1) < UNIT).mean() > 0.9)
        if array.dtype == np.uint8 and len(self.colours) <= MOST_IDS:
            wide = array.astype(np.int64)
            self.colours.update(
                np.unique(wide[..., 0] << 16 | wide[..., 1] << 8 | wide[..., 2]).tolist()
            )

    def judged(self) -> MapKind | None:
        if len({channels for _, channels in self.kinds}) != 1:
            return None
        ((channels),) = {channels for _, channels in self.kinds}
        is_float = any(kind.startswith("f") for kind, _ in self.kinds)
        names = set(self.names)
        if channels == VECTOR and (NORMAL & names or is_float) and self.is_unit:
            return self._made(
                NormalMap,
                {},
                "surface normals: unit vectors",
                "Targets have x to the right, y down and z towards the camera; if y is up in the "
                "files, add init_args: {signs: [1, -1, 1]}.",
            )
        if channels == VECTOR and not is_float and not self.is_grey:
            return self._of_colours()
        if channels not in (1, VECTOR) or (channels == VECTOR and is_float):
            return None
        is_few = not is_float and len(self.ids) <= MOST_IDS
        if is_few and not (DEPTH & names):
            return self._of_ids()
        is_wide = is_float or any(int(kind[1:]) > 1 for kind, _ in self.kinds)
        if (is_wide and not MASK & names) or DEPTH & names:
            return self._of_numbers(is_float)
        return None

    def _of_ids(self) -> MapKind:
        ids = sorted(self.ids)
        if ids == [0, WHITE]:
            settings: dict[str, Any] = {"numbers": [0, WHITE], "missing": []}
            return self._made(
                ClassMap, settings, "2 classes, whose numbers in the files are 0 and 255"
            )
        known = [each for each in ids if 0 <= each != WHITE] or [0]
        gone = "; 255 marks a missing pixel" if WHITE in ids else ""
        size = len(known)
        if known[-1] + 1 > DENSE * size:
            told = f"{size} classes, whose numbers in the files are listed here{gone}"
            return self._made(ClassMap, {"numbers": known}, told)
        told = f"{known[-1] + 1} classes by their numbers{gone}"
        hint = "If there are names, give classes instead of num_classes, ordered by number."
        return self._made(ClassMap, {"num_classes": known[-1] + 1}, told, hint)

    def _of_colours(self) -> MapKind | None:
        if len(self.colours) > MOST_IDS or not MASK & set(self.names):
            return None
        colours = [f"#{each:06x}" for each in sorted(self.colours)]
        told = f"{len(colours)} classes by their colours"
        hint = "If a colour means missing, move it from colours to missing."
        return self._made(ColourMap, {"colours": colours}, told, hint)

    def _of_numbers(self, is_float: bool) -> MapKind:
        if not DEPTH & set(self.names) and is_float:
            return self._made(NumberMap, {}, "a number for each pixel")
        scale = {} if is_float else {"scale": 0.001}
        unit = "" if is_float else ", assumed to be in millimetres and converted to metres"
        told = f"a depth for each pixel{unit}; 0 is missing"
        return self._made(
            DepthMap, scale, told, "" if is_float else "If they are not millimetres, change scale."
        )

    def _made(
        self, coding: type[MapCoding], settings: dict[str, Any], told: str, hint: str = ""
    ) -> MapKind:
        return MapKind(coding(**settings), settings, told, hint, self.count)
