"""The rows of a table as samples: their images, their other inputs and their targets."""

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
    """The images of a table's rows, some of which may have none.

    Args:
        paths: of each row, where its image lies; empty if it has none.
        format: what images become.
        folder: see `ImageCache`.
        limit: see `ImageCache`.
    """

    sizes: Tensor
    """Height and width before resizing, ``[rows, 2]``, int64, 0 without an image."""
    problems: dict[int, UnusableImage]
    """Why a row's file gives no image, by the row's place."""

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
        """Which rows have an image, of the shape of their places, bool."""
        return self._at[places] >= 0

    def read(self, places: Tensor) -> Tensor:
        """Read the images of some rows.

        Args:
            places: of the rows, shape ``[batch]``, int64.

        Returns:
            Shape ``[batch, channels, height, width]``: uint8; if a row has none, float32 from 0 to
            1, in which that one is NaN.
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
        """What tells the images of some rows apart."""
        digests = self.cache.digests
        return of_digests([digests[at] if at >= 0 else "" for at in self._at[places].tolist()])


class TableSamples(BatchDataset):
    """Some rows of a table.

    Args:
        rows: the samples' places in the table, ``[samples]``, int64.
        images: of all rows; None if the table has none.
        inputs: the others by name, of all rows, first axis ``[rows]``.
        targets: see `BatchDataset`; of these samples alone.
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
