"""Public data sets of maps without a validation set."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from torch import Tensor

from multitask.data.cached_maps import CachedMaps
from multitask.data.kept_out import keep_out
from multitask.data.known.base import KnownData
from multitask.data.known.part import Part
from multitask.errors import InputError
from multitask.images.format import ImageFormat
from multitask.images.maps import MapCoding
from multitask.images.maps.map_cache import MapCache


class MapSet(KnownData):
    """A public data set of maps, with the parts ``train`` and ``test``, and optionally ``val``.

    If there is no part ``val``, a random fraction of the training images is held out for
    validation; the test set is not changed.

    Args:
        val: fraction of the training images that is held out.
        cache_folder: folder of decoded images and maps.
        cache_limit: largest size in gigabytes of the images, and of each kind of maps.
        options: see `KnownData`, without ``download``: the data set is not downloaded.
    """

    cure = "download the set again, and set data.init_args.root to its folder"
    where_to_get_it = ""
    """Continuation of "download it from"."""

    def __init__(
        self,
        val: float = 0.1,
        cache_folder: Path | None = None,
        cache_limit: float = 100.0,
        **options: Any,
    ) -> None:
        super().__init__(**options)
        if not 0 < val < 1:
            raise InputError(f"val is {val}; give a share of the training set between 0 and 1")
        if self.download:
            raise InputError(
                f"{type(self).__name__} is not downloaded by this program; download it from "
                f"{self.where_to_get_it}, set data.init_args.root to its folder and remove "
                "download"
            )
        self.val, self.cache_folder, self.cache_limit = val, cache_folder, cache_limit

    def divide(self, parts: Mapping[str, Part]) -> Mapping[str, Part]:
        if "val" in parts:
            return parts
        train = parts["train"]
        try:
            places = keep_out(range(len(train.samples)), self.val, self.seed)
        except InputError as error:
            raise InputError(f"data.init_args.val: {error}") from error
        rest, held_out = (train.take(each) for each in places)
        return {"train": rest, "val": held_out, "test": parts["test"]}

    def stored(
        self, files: Sequence[Path], sizes: Tensor, coding: MapCoding, format: ImageFormat
    ) -> MapCache:
        """Read maps, or find them in the cache.

        Args:
            files: files of the maps, in the order of their images.
            sizes: sizes of the images, shape ``[files, 2]``, int64.
            coding: how maps are encoded in the files.
            format: the format that images are converted to.

        Raises:
            InputError: if a file cannot be read as a map.
        """
        cache = MapCache(files, sizes, coding, format, self.cache_folder, self.cache_limit)
        cache.build()
        for place, problem in sorted(cache.problems.items()):
            raise InputError(
                f"{type(self).__name__}: {files[place]} contains no readable map: "
                f"{problem.reason}; {self.cure}"
            )
        return cache

    def targets_of(self, caches: Mapping[str, MapCache], rows: Tensor) -> dict[str, CachedMaps]:
        """Return the maps of some samples.

        Args:
            caches: the caches by task.
            rows: indices in the caches, shape ``[samples]``, int64.
        """
        return {task: CachedMaps(cache, rows) for task, cache in caches.items()}
