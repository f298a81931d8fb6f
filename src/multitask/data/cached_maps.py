"""Targets that are maps in the image cache."""

from __future__ import annotations

import torch
from torch import Tensor

from multitask.images.maps.map_cache import MapCache
from multitask.labels import missing_mark


class CachedMaps:
    """Targets that a `MapCache` holds, read by batch; see `multitask.data.targets.Targets`.

    Args:
        cache: has been built, and holds at least one map.
        rows: the place of each sample's map in the cache, -1 if it has none; ``[samples]``, int64.
    """

    def __init__(self, cache: MapCache, rows: Tensor) -> None:
        self._cache, self._rows = cache, rows

    def __len__(self) -> int:
        return len(self._rows)

    def __getitem__(self, indices: Tensor, /) -> Tensor:
        """Read targets.

        Args:
            indices: places of samples, shape ``[batch]``, int64.

        Returns:
            Shape ``[batch, height, width]``, or with channels behind the batch.
        """
        rows = self._rows[indices]
        known = rows >= 0
        if known.all():
            return self._cache.read(rows)
        # Even if no sample has a map, the targets need their shape.
        found = self._cache.read(rows[known] if known.any() else torch.zeros(1, dtype=torch.int64))
        mark = missing_mark(found.dtype)
        whole = found.new_full((len(rows), *found.shape[1:]), mark if mark is not None else 0)
        whole[known] = found[: int(known.sum())]
        return whole
