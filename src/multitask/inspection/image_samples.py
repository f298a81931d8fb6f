"""The sizes and colours of a table's images, estimated from a sample."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import numpy as np
import pandas as pd
from PIL import Image

from multitask.errors import InputError
from multitask.images.brightness import levels_remark, looked_up_levels
from multitask.images.decoding import FILE_FORMATS, ON_ITS_SIDE, ORIENTATION
from multitask.images.pillow_limit import without_pillow_limit
from multitask.inspection.image_column import ImageColumn
from multitask.tables.image_paths import ImagePaths, PathProblem

SAMPLE = 200
"""Number of images that are read."""
LARGEST_SIDE, STEP = 224, 32
LARGE = 64
"""Sides of at least this size become multiples of 32, the reduction factor of deep networks."""
GREY = ("1", "L", "LA", "I;16", "I;16B", "I;16L")


@dataclass(frozen=True)
class ImageSample:
    """Properties of a sample of images.

    Args:
        looked_at: number of files that are valid images.
        height: median height in pixels.
        width: median width in pixels.
        same_size: whether all images have the same size.
        grey: whether all images are grey.
        white: the value that is mapped to white; default: the largest value of the file format.
        remark: possible problems of the pixel values.
    """

    looked_at: int
    height: int
    width: int
    same_size: bool
    grey: bool
    white: int | None = None
    remark: str = ""

    @property
    def size(self) -> tuple[int, int]:
        """A suitable height and width for training."""
        longest = max(self.height, self.width)
        if longest < LARGE:
            return self.height, self.width
        scale = min(1.0, LARGEST_SIDE / longest)
        height, width = (
            max(STEP, round(side * scale / STEP) * STEP) for side in (self.height, self.width)
        )
        return height, width


def table_images(
    path: Path,
    cells: pd.Series,
    image: ImageColumn,
    folder: Path | None,
    keep_links: bool = False,
) -> ImageSample:
    """Read some of a table's images, evenly spaced.

    Args:
        path: the table's file, or the folder of several.
        cells: the names of the images.
        image: the column.
        folder: folder that the names are relative to; default: the table's folder.
        keep_links: whether links may lead outside the folder.

    Raises:
        InputError: if none of them exists or none can be decoded, with the reason.
    """
    prefixes = (
        cells.attrs.get("prefixes", [""] * len(cells)) if folder is None else [""] * len(cells)
    )
    names = [
        prefix + str(each) + ("" if str(each).endswith(image.ending) else image.ending)
        for prefix, each in zip(prefixes, cells, strict=True)
        if each is not None and each == each and str(each)
    ]
    if not names:
        raise InputError(
            f"{path}, column '{cells.name}': every cell is empty; choose another column"
        )
    root = image.embedded or folder or (path if path.is_dir() else path.parent)
    finder = ImagePaths(root, root)
    places = np.linspace(0, len(names) - 1, min(SAMPLE, len(names))).astype(int)
    found = [finder.find(names[place]) for place in places]
    usable = [
        Path(file) for file, _, problems in found if not problems or _kept(problems, keep_links)
    ]
    if not usable:
        problem = found[0][2][0]
        raise InputError(
            f"none of the images of {path} can be used, such as '{names[0]}': {problem.reason}"
            f"{problem.hint or _advice(root, names[0], problem)}"
        )
    if (sample := _sample(usable)) is None:
        raise InputError(
            f"none of the files listed in {path} is a readable image, such as "
            f"{usable[0]}; it should be one of {', '.join(FILE_FORMATS)}"
        )
    return sample


def _kept(problems: Sequence[PathProblem], keep_links: bool) -> bool:
    return keep_links and all(each.kind == "symbolic_link" for each in problems)


def _advice(root: Path, name: str, problem: PathProblem) -> str:
    if problem.kind == "symbolic_link":
        return (
            "; set --image_folder= to the folder that it leads to, copy the files, or keep the "
            "links with --symbolic_link=keep (data.init_args.cleaning.symbolic_link=keep in the "
            "experiment)"
        )
    if problem.kind != "missing_file" or "\\" in name or "://" in name:
        return ""
    near = next((each for each in sorted(root.glob("*/")) if (each / name).is_file()), None)
    return (
        f"; did you mean --image_folder={near}?"
        if near
        else "; set --image_folder= to the folder that names are relative to"
    )


def _sample(files: Sequence[Path]) -> ImageSample | None:
    """Read the headers of a few files.

    Args:
        files: image files; those that are missing or broken are ignored.

    Returns:
        Their properties; None if there are no images.
    """
    found = [each for file in files if (each := _header(file)) is not None]
    if not found:
        return None
    heights, widths, grey = zip(*found, strict=True)
    levels = looked_up_levels(files)
    return ImageSample(
        looked_at=len(found),
        height=round(median(heights)),
        width=round(median(widths)),
        same_size=len(set(zip(heights, widths, strict=True))) == 1,
        grey=all(grey),
        white=levels.white if levels else None,
        remark=(levels_remark(levels) or "") if levels else "",
    )


def _header(file: Path) -> tuple[int, int, bool] | None:
    try:
        with without_pillow_limit(), Image.open(file, formats=FILE_FORMATS) as image:
            width, height = image.size
            turned = image.getexif().get(ORIENTATION) in ON_ITS_SIDE
            return (
                (width, height, image.mode in GREY)
                if turned
                else (height, width, image.mode in GREY)
            )
    except Exception:
        # Pillow raises many kinds of errors for a broken file; the caller reports it.
        return None
