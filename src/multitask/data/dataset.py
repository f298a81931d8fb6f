"""Data that is read a batch at a time."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping

from torch import Tensor
from torch.utils.data import Dataset

Batch = dict[str, Tensor]
"""``image``, ``index`` (the samples' places in their split) and one entry for each task.

In training also ``@place``: the samples' places among all samples of the run.
"""


class BatchDataset(Dataset[Batch], ABC):
    """One split: its targets in memory, its images read by batch.

    Args:
        targets: each task's targets for all samples, first axis ``[samples]``; floating targets
            are NaN where missing, class numbers -100.
    """

    def __init__(self, targets: Mapping[str, Tensor]) -> None:
        self.targets = dict(targets)

    @abstractmethod
    def __len__(self) -> int:
        """Number of samples."""

    @abstractmethod
    def images(self, indices: Tensor) -> Tensor:
        """Read images.

        Args:
            indices: the samples' places in this split, shape ``[batch]``, int64.

        Returns:
            Shape ``[batch, channels, height, width]``, uint8 or floating.
        """

    def __getitem__(self, indices: Tensor) -> Batch:
        """Assemble a batch by its samples' indices, shape ``[batch]``, int64."""
        targets = {name: values[indices] for name, values in self.targets.items()}
        return {"image": self.images(indices), "index": indices, **targets}


class InMemory(BatchDataset):
    """Images that lie in memory as one tensor.

    Args:
        images: shape ``[samples, channels, height, width]``, uint8 or floating.
        targets: see `BatchDataset`.
    """

    def __init__(self, images: Tensor, targets: Mapping[str, Tensor]) -> None:
        super().__init__(targets)
        self._images = images

    def __len__(self) -> int:
        return len(self._images)

    def images(self, indices: Tensor) -> Tensor:
        # Copies whole images, several times as fast as indexing by a tensor does.
        return self._images.index_select(0, indices)
