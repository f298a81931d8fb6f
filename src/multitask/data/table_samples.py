"""The rows of a table as samples with images, other inputs and targets."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor

from multitask.data.cached_images import TableImages
from multitask.data.dataset import BatchDataset
from multitask.data.fingerprints import Fingerprints, of_values
from multitask.data.targets import Targets


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
