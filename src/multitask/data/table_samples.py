"""The rows of a table as samples with images, other inputs and targets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
from torch import Tensor

from multitask.data.dataset import BatchDataset
from multitask.data.fingerprints import Fingerprints, of_digests, of_values
from multitask.data.targets import Targets
from multitask.images.cache import ImageCache
from multitask.images.decoding import UnusableImage
from multitask.images.format import ImageFormat


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


class TableSamples(BatchDataset):
    """Some rows of a table.

    Args:
        rows: indices of the samples in the table, ``[samples]``, int64.
        images: images of all rows; None if the table has none.
        inputs: other inputs by name, for all rows, first axis ``[rows]``.
        targets: see `BatchDataset`; only for these samples.
    """

    def __init__(
        self,
        rows: Tensor,
        images: TableImages | None,
        inputs: Mapping[str, Tensor],
        targets: Mapping[str, Targets],
    ) -> None:
        super().__init__(targets)
        self._rows, self._images = rows, images
        self._inputs = {name: values[rows] for name, values in inputs.items()}

    def __len__(self) -> int:
        return len(self._rows)

    def images(self, indices: Tensor) -> Tensor:
        assert self._images is not None
        return self._images.read(self._rows[indices])

    def inputs(self, indices: Tensor) -> dict[str, Tensor]:
        images = {} if self._images is None else {"image": self.images(indices)}
        others = {name: each.index_select(0, indices) for name, each in self._inputs.items()}
        return images | others

    def one_input(self, name: str, indices: Tensor) -> Tensor:
        return self.images(indices) if name == "image" else self._inputs[name][indices]

    def lacking(self, name: str) -> Tensor:
        if name != "image":
            return super().lacking(name)
        assert self._images is not None
        return ~self._images.has_image(self._rows)

    def input_fingerprints(self) -> dict[str, Fingerprints]:
        own = {} if self._images is None else {"image": self._images.fingerprints(self._rows)}
        return own | {name: of_values(values) for name, values in self._inputs.items()}
