"""A part that a public data set comes in, such as its test set."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from torch import Tensor

from multitask.data.dataset import BatchDataset
from multitask.data.rows import Rows


@dataclass(frozen=True)
class Part:
    """Samples, and what people call them.

    Args:
        samples: images and targets.
        names: each sample's name, such as its file; None if they have none.
    """

    samples: BatchDataset
    names: Sequence[str] | None = None

    def take(self, rows: Tensor) -> Part:
        """Some of the samples.

        Args:
            rows: their places, shape ``[samples]``, int64.
        """
        names = None if self.names is None else [self.names[row] for row in rows.tolist()]
        return Part(Rows(self.samples, rows), names)
