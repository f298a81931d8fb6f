"""Brightness of image files relative to the range of their format, such as 12 bits in 16."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from multitask.images.decoding import FILE_FORMATS
from multitask.images.pillow_limit import without_pillow_limit

SAMPLE = 32
"""Number of files that are opened."""
DEPTHS = (8, 9, 10, 11, 12, 13, 14, 15)
"""Bit depths of cameras."""
FULL = 65_535


@dataclass(frozen=True)
class Levels:
    """The maximum brightness of some 16-bit grey files.

    Args:
        brightest: the largest pixel value.
        files: number of files that were read.
    """

    brightest: int
    files: int

    @property
    def white(self) -> int | None:
        """The value for white: the maximum of the lower bit depth, None if all 16 bits are used."""
        return next((2**bits - 1 for bits in DEPTHS if self.brightest < 2**bits), None)


def looked_up_levels(files: Sequence[Path | str]) -> Levels | None:
    """Read some 16-bit grey files, evenly spaced.

    Args:
        files: image files; those that are missing, broken or of another kind are ignored.

    Returns:
        The levels; None if there are no 16-bit files.
    """
    places = np.linspace(0, len(files) - 1, min(SAMPLE, len(files))).astype(int)
    found = [each for place in places if (each := _brightest(Path(files[place]))) is not None]
    return Levels(max(found), len(found)) if found else None


def levels_remark(levels: Levels, white: int = FULL) -> str | None:
    """Describe a problem with the brightness of 16-bit grey files, if any.

    Args:
        levels: levels of the files.
        white: the value that will be mapped to white.
    """
    if levels.white is None or levels.brightest == 0 or white <= 2 * levels.white:
        return None
    return (
        f"the brightest pixel of {levels.files:,} inspected 16-bit images is "
        f"{levels.brightest:,}, so they seem to have {levels.white.bit_length()} bits, but "
        f"{white:,} is used as white, which makes them nearly black; set "
        f"data.init_args.white={levels.white}"
    )


def _brightest(file: Path) -> int | None:
    try:
        with without_pillow_limit(), Image.open(file, formats=FILE_FORMATS) as image:
            return int(np.asarray(image).max()) if image.mode.startswith("I;16") else None
    except Exception:
        # Pillow raises many kinds of errors for a broken file; the caller reports it.
        return None
