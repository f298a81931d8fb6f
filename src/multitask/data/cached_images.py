"""The images of a data set that are stored in the image cache."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
from torch import Tensor

from multitask.data.dataset import BatchDataset
from multitask.data.fingerprints import Fingerprints, of_digests
from multitask.data.targets import Targets
from multitask.images.cache import ImageCache
from multitask.images.decoding import UnusableImage
from multitask.images.format import ImageFormat


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


class TableImages:
    """The images of a table's rows; some rows may have none.

    Args:
        paths: path of each row's image; empty if it has none.
        format: the format that images are converted to.
        folder: see `ImageCache`.
        limit: see `ImageCache`.
    """

    sizes: Tensor
    """Height and width before resizing, ``[rows, 2]``, int64, 0 if there is no image."""
    problems: dict[int, UnusableImage]
    """Why a row's file cannot be decoded, by row index."""

    def __init__(
        self, paths: Sequence[str], format: ImageFormat, folder: Path | None, limit: float
    ) -> None:
        having = [place for place, path in enumerate(paths) if path]
        self.cache = ImageCache([paths[place] for place in having], format, folder, limit)
        self.cache.build()
        self._at = torch.full((len(paths),), -1)
        self._at[having] = torch.arange(len(having))
        self.sizes = torch.zeros(len(paths), 2, dtype=torch.int64)
        self.sizes[having] = self.cache.sizes
        self.problems = {having[at]: each for at, each in sorted(self.cache.problems.items())}

    def has_image(self, places: Tensor) -> Tensor:
        """Return which rows have an image, bool, in the shape of the indices."""
        return self._at[places] >= 0

    def read(self, places: Tensor) -> Tensor:
        """Read the images of some rows.

        Args:
            places: indices of the rows, shape ``[batch]``, int64.

        Returns:
            Shape ``[batch, channels, height, width]``: uint8; if a row has no image, float32 from 0
            to 1, with NaN for that row.
        """
        at = self._at[places]
        if bool((at >= 0).all()):
            return self.cache.images.read(at)
        format = self.cache.format
        found = torch.full((len(at), format.channels, format.height, format.width), torch.nan)
        if bool((at >= 0).any()):
            found[at >= 0] = self.cache.images.read(at[at >= 0]).float().div_(255)
        return found

    def fingerprints(self, places: Tensor) -> Fingerprints:
        """Return fingerprints of the images of some rows."""
        digests = self.cache.digests
        return of_digests([digests[at] if at >= 0 else "" for at in self._at[places].tolist()])
