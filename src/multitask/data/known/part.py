"""A part of a public data set, such as its test set."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from torch import Tensor

from multitask.data.dataset import BatchDataset
from multitask.data.rows import Rows


@dataclass(frozen=True)
class Part:
    """Samples and their names.

    Args:
        samples: images and targets.
        names: name of each sample, such as its file; None if they have none.
    """

    samples: BatchDataset
    names: Sequence[str] | None = None

    def take(self, rows: Tensor) -> Part:
        """Select samples.

        Args:
            rows: indices of the samples, shape ``[samples]``, int64.
        """
        names = None if self.names is None else [self.names[row] for row in rows.tolist()]
        return Part(Rows(self.samples, rows), names)
