"""Public data sets that consist of image files."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from multitask.data.known.base import KnownData
from multitask.errors import InputError
from multitask.images.cache import ImageCache
from multitask.images.format import Fit, ImageFormat, size_of


class ImageFiles(KnownData):
    """A public data set of image files, which are decoded and resized once; see `ImageCache`.

    Args:
        image_size: side length in pixels, or ``[height, width]``, to which images are resized.
        fit: how images with another aspect ratio are resized: ``stretch`` the image, ``crop`` the
            longer side, or ``pad`` the shorter side with black.
        cache_folder: folder of decoded images.
        cache_limit: largest size of the cached images in gigabytes.
        options: see `KnownData`.
    """

    def __init__(
        self,
        image_size: int | list[int] = 224,
        fit: Fit = "stretch",
        cache_folder: Path | None = None,
        cache_limit: float = 100.0,
        **options: Any,
    ) -> None:
        super().__init__(**options)
        height, width = size_of(image_size)
        self.format = ImageFormat(height, width, fit=fit)
        self.cache_folder, self.cache_limit = cache_folder, cache_limit

    def image_format(self) -> ImageFormat:
        return self.format

    def cached(self, files: Sequence[Path]) -> ImageCache:
        """Decode image files, or find them in the cache.

        Args:
            files: the files, in order.

        Raises:
            InputError: if a file cannot be decoded.
        """
        cache = ImageCache(files, self.format, self.cache_folder, self.cache_limit)
        cache.build()
        for place, problem in sorted(cache.problems.items()):
            raise InputError(
                f"{type(self).__name__}: {files[place]} contains no readable image ({problem}); "
                f"{self.cure}"
            )
        return cache
