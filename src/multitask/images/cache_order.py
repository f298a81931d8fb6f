"""What the image cache is asked for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod
from pathlib import Path

from multitask.images.digest import FileDigests
from multitask.images.format import ImageFormat


@dataclass(frozen=True)
class Order:
    """What to build.

    Args:
        place: the folder that is there once it is complete.
        files: all images, in order.
        digests: of the files.
        format: of the images.
        limit_gigabytes: larger caches are refused.
    """

    place: Path
    files: Sequence[Path | str]
    digests: FileDigests
    format: ImageFormat
    limit_gigabytes: float

    @property
    def image_bytes(self) -> int:
        """Size of one image."""
        return prod(self.format.shape)

    @property
    def partial(self) -> Path:
        """The folder while it is not complete."""
        return self.place.with_name(self.place.name + ".partial")
