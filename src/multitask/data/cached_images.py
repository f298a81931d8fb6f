"""A split whose images are stored in the image cache."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor

from multitask.data.dataset import BatchDataset
from multitask.data.fingerprints import Fingerprints, of_digests
from multitask.data.targets import Targets
from multitask.images.cache import ImageCache


class CachedImages(BatchDataset):
    """Images of an `ImageCache` with their targets.

    Args:
        cache: a cache that has been built.
        rows: indices of the samples in the cache's files, ``[samples]``, int64.
        targets: see `BatchDataset`.
    """

    def __init__(self, cache: ImageCache, rows: Tensor, targets: Mapping[str, Targets]) -> None:
        super().__init__(targets)
        self._images, self._rows, self._digests = cache.images, rows, cache.digests

    def __len__(self) -> int:
        return len(self._rows)

    def images(self, indices: Tensor) -> Tensor:
        return self._images.read(self._rows[indices])

    def input_fingerprints(self) -> dict[str, Fingerprints]:
        return {"image": of_digests([self._digests[row] for row in self._rows.tolist()])}
