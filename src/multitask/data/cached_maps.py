"""Targets that are maps stored in the image cache."""

from __future__ import annotations

from torch import Tensor

from multitask.images.maps.map_cache import MapCache


class CachedMaps:
    """Targets in a `MapCache`, read by batch; see `multitask.data.targets.Targets`.

    Args:
        cache: a cache that has been built.
        rows: index of each sample's map in the cache, -1 if it has none; ``[samples]``, int64.
    """

    def __init__(self, cache: MapCache, rows: Tensor) -> None:
        self._cache, self._rows = cache, rows

    def __len__(self) -> int:
        return len(self._rows)

    def __getitem__(self, indices: Tensor, /) -> Tensor:
        """Read targets.

        Args:
            indices: indices of samples, shape ``[batch]``, int64.

        Returns:
            Shape ``[batch, height, width]``, or with channels after the batch axis.
        """
        rows = self._rows[indices]
        known = rows >= 0
        if known.all():
            return self._cache.read(rows)
        found = self._cache.missing(len(rows))
        if known.any():
            found[known] = self._cache.read(rows[known])
        return found
