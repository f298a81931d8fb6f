"""A subset of another data set."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor

from multitask.data.dataset import BatchDataset
from multitask.data.fingerprints import Fingerprints
from multitask.data.targets import Targets, rows_of


class Rows(BatchDataset):
    """Rows of another data set, which provides their inputs.

    Args:
        source: the other data set.
        rows: indices of the samples in it, shape ``[samples]``, int64.
        targets: targets of these rows; default: the source's.
    """

    def __init__(
        self, source: BatchDataset, rows: Tensor, targets: Mapping[str, Targets] | None = None
    ) -> None:
        if targets is None:
            targets = {name: rows_of(values, rows) for name, values in source.targets.items()}
        super().__init__(targets)
        self._source, self._rows = source, rows

    def __len__(self) -> int:
        return len(self._rows)

    def inputs(self, indices: Tensor) -> dict[str, Tensor]:
        return self._source.inputs(self._rows[indices])

    def one_input(self, name: str, indices: Tensor) -> Tensor:
        return self._source.one_input(name, self._rows[indices])

    def lacking(self, name: str) -> Tensor:
        return self._source.lacking(name)[self._rows]

    def input_fingerprints(self) -> dict[str, Fingerprints]:
        known = self._source.input_fingerprints()
        return {name: each.take(self._rows) for name, each in known.items()}
