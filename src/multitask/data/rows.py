"""Some samples of another data set."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor

from multitask.data.dataset import BatchDataset


class Rows(BatchDataset):
    """Rows of another data set, whose images are read from there.

    Args:
        source: the other data set.
        rows: places of the samples in it, shape ``[samples]``, int64.
        targets: targets of these rows; the source's where not given.
    """

    def __init__(
        self, source: BatchDataset, rows: Tensor, targets: Mapping[str, Tensor] | None = None
    ) -> None:
        if targets is None:
            targets = {name: values[rows] for name, values in source.targets.items()}
        super().__init__(targets)
        self._source, self._rows = source, rows

    def __len__(self) -> int:
        return len(self._rows)

    def images(self, indices: Tensor) -> Tensor:
        return self._source.images(self._rows[indices])
